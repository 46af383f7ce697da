/** Characters on each side of the axis. */
const WIDTH = 24;
const FULL = "█";
const RIGHT_HALF = "▐";
const LEFT_HALF = "▌";

/** Draws numbers as bars from a common axis, one a line: to the right above 0, to the left below. The longest is as wide as there is room. */
export function bars(values: readonly number[], width = WIDTH): readonly string[] {
  const finite = values.map((value) => (Number.isFinite(value) ? value : 0));
  const largest = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const hasLeft = finite.some((value) => value < 0);
  return finite.map((value) => {
    const halves = largest === 0 ? 0 : Math.round((Math.abs(value) / largest) * width * 2);
    const full = FULL.repeat(halves >> 1);
    const left = value < 0 ? `${halves % 2 === 1 ? RIGHT_HALF : ""}${full}` : "";
    const right = value < 0 ? "" : `${full}${halves % 2 === 1 ? LEFT_HALF : ""}`;
    return `${hasLeft ? left.padStart(width) : ""}│${right}`;
  });
}

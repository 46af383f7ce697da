import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../../../src/http/browser/style.css", import.meta.url), "utf8");
const colours = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [
    name ?? "",
    [light ?? "", dark ?? ""] as const,
  ]),
);
/** Text, and what it stands on. */
const TEXTS: readonly (readonly [text: string, on: string])[] = [
  ...["ground", "paper", "raised"].flatMap((on) => ["ink", "ink-soft"].map((text) => [text, on] as const)),
  ...["accent", "good", "bad", "warn"].map((text) => [text, "paper"] as const),
  ["accent", "accent-wash"],
  ["accent", "ground"],
  ["ink", "accent-wash"],
  ["ink-soft", "accent-wash"],
  ["accent-ink", "accent"],
  ["bad", "bad-wash"],
];
/** What is drawn, or bounds what can be pressed. */
const SHAPES: readonly (readonly [shape: string, on: string])[] = [
  ...Array.from({ length: 8 }, (_, k) => [`class-${k}`, "paper"] as const),
  ["line-strong", "paper"],
  ["accent", "paper"],
];

describe("the palette", () => {
  it.each(TEXTS)("lets text be read by WCAG AA, in light and dark: %s on %s", (text, on) => {
    for (const theme of [0, 1] as const) expect(contrast(text, on, theme)).toBeGreaterThanOrEqual(4.5);
  });

  it.each(SHAPES)("lets shapes be told from what is behind them: %s on %s", (shape, on) => {
    for (const theme of [0, 1] as const) expect(contrast(shape, on, theme)).toBeGreaterThanOrEqual(3);
  });

  it("has every colour that the style sheet asks for", () => {
    const asked = [...css.matchAll(/var\(--([\w-]+)\)/g)].map(([, name]) => name ?? "");
    const missing = asked.filter((name) => !css.includes(`--${name}:`));
    expect(missing).toEqual([]);
  });
});

/** Contrast by WCAG 2.2: of the relative luminances, each with 0.05 of stray light. */
function contrast(a: string, b: string, theme: 0 | 1): number {
  const [one, two] = [a, b].map((name) => luminance(colours.get(name)?.[theme] ?? "")) as [number, number];
  return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

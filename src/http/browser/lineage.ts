// Which snapshot came of which, as lanes beside a list whose newest is first: what a rollback left behind is a lane of its
// own, which joins the others where it branched off.

export interface Lineage {
  readonly id: number;
  /** Lane of the snapshot itself. */
  readonly lane: number;
  /** Lines through its row: from a lane at the row's top or middle, to a lane at its middle or bottom. */
  readonly lines: readonly LineageLine[];
  /** Whether the present state descends from it. */
  readonly isCurrent: boolean;
}

export interface LineageLine {
  readonly from: number;
  readonly to: number;
  /** The half of the row that it is in, or both. */
  readonly half: "upper" | "lower" | "both";
  readonly isCurrent: boolean;
}

interface Waiting {
  readonly parent: number;
  readonly isCurrent: boolean;
}

/** Lanes that are drawn. */
export const LANES_MAX = 6;

/** Lays the lanes out. `lines` is sorted by id, the newest first. */
export function lineageOf(
  lines: readonly { readonly id: number; readonly parent: number | null }[],
): readonly Lineage[] {
  /** For each lane the snapshot that it leads to. */
  const lanes: (Waiting | null)[] = [];
  return lines.map(({ id, parent }, row) => {
    const waiting = lanes.flatMap((one, lane) => (one?.parent === id ? [lane] : []));
    const lane = waiting[0] ?? freeLane(lanes);
    const isCurrent = row === 0 || waiting.some((one) => lanes[one]?.isCurrent === true);
    const drawn: LineageLine[] = waiting.map((from) => ({
      from,
      to: lane,
      half: "upper",
      isCurrent: lanes[from]?.isCurrent === true,
    }));
    for (const one of waiting) lanes[one] = null;
    lanes.forEach((one, other) => {
      if (one !== null) drawn.push({ from: other, to: other, half: "both", isCurrent: one.isCurrent });
    });
    lanes[lane] = parent === null ? null : { parent, isCurrent };
    if (parent !== null) drawn.push({ from: lane, to: lane, half: "lower", isCurrent });
    return { id, lane, lines: drawn, isCurrent };
  });
}

function freeLane(lanes: (Waiting | null)[]): number {
  const free = lanes.indexOf(null);
  return free >= 0 ? free : lanes.length;
}

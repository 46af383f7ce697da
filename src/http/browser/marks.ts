// What happened at which step, drawn on the charts: drifts, snapshots and rollbacks.

import type uPlot from "uplot";
import type { SnapshotLine } from "./answers.ts";
import type { Happened } from "./live.ts";
import { colour } from "./theme.ts";

export type MarkKind = "snapshot" | "rollback" | "drift";

export interface Mark {
  readonly kind: MarkKind;
  readonly step: number;
}

const ROLES: Readonly<Record<MarkKind, string>> = { snapshot: "--ink-soft", rollback: "--accent", drift: "--warn" };
/** Snapshots that went back: by order, or by the policy for drifts. */
const BACK = ["rollback", "policy"];

/** Lists the marks of a model, from its snapshots and from what was told. */
export function marksOf(snapshots: readonly SnapshotLine[], news: readonly Happened[], model: string): readonly Mark[] {
  const made = snapshots.map(
    ({ step, reason }): Mark => ({ kind: BACK.includes(reason) ? "rollback" : "snapshot", step }),
  );
  const drifts = news
    .filter(({ kind, step, model: of }) => kind === "drift" && of === model && step !== null)
    .map(({ step }): Mark => ({ kind: "drift", step: step ?? 0 }));
  return [...made, ...drifts];
}

/** Draws marks: lines behind the curves, signs before them. */
export function drawMarks(plot: uPlot, marks: readonly Mark[], layer: "behind" | "before"): void {
  const { ctx, bbox } = plot;
  const ratio = bbox.width / Math.max(1, plot.over.clientWidth);
  const { min = 0, max = 0 } = plot.scales["x"] ?? {};
  ctx.save();
  for (const kind of ["snapshot", "rollback", "drift"] as const) {
    ctx.strokeStyle = colour(ROLES[kind]);
    ctx.fillStyle = ctx.strokeStyle;
    ctx.lineWidth = ratio;
    ctx.setLineDash(kind === "snapshot" ? [] : [3 * ratio, 3 * ratio]);
    for (const { step } of marks.filter((mark) => mark.kind === kind)) {
      if (step < (min ?? 0) || step > (max ?? 0)) continue;
      const x = Math.round(plot.valToPos(step, "x", true)) + 0.5;
      if (layer === "behind") {
        ctx.beginPath();
        ctx.moveTo(x, kind === "snapshot" ? bbox.top + bbox.height - 6 * ratio : bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      } else sign(ctx, kind, x, bbox.top - 5 * ratio, 4 * ratio);
    }
  }
  ctx.restore();
}

/** Draws a mark's sign above the plot: shapes differ, so that colour is not all that tells them apart. */
function sign(ctx: CanvasRenderingContext2D, kind: MarkKind, x: number, y: number, size: number): void {
  ctx.beginPath();
  if (kind === "snapshot") ctx.arc(x, y, size * 0.55, 0, 2 * Math.PI);
  else if (kind === "drift") {
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
  } else {
    ctx.moveTo(x - size, y);
    ctx.lineTo(x + size * 0.7, y - size);
    ctx.lineTo(x + size * 0.7, y + size);
  }
  ctx.fill();
}

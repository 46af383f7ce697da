import { ADWIN_LENGTH, Adwin } from "./adwin.ts";
import { DDM_LENGTH, Ddm } from "./ddm.ts";
import type { Detector, DetectorKind } from "./detector.ts";
import { PAGE_HINKLEY_LENGTH, PageHinkley } from "./page-hinkley.ts";

/** Counts the numbers that a detector keeps. */
export function detectorLength(kind: DetectorKind): number {
  return { adwin: ADWIN_LENGTH, "page-hinkley": PAGE_HINKLEY_LENGTH, ddm: DDM_LENGTH }[kind];
}

/** Makes a detector with its defaults on a vector of zeros, or of what one of the same kind knew. */
export function createDetector(
  kind: DetectorKind,
  state: Float64Array = new Float64Array(detectorLength(kind)),
): Detector {
  switch (kind) {
    case "adwin":
      return new Adwin(state);
    case "page-hinkley":
      return new PageHinkley(state);
    case "ddm":
      return new Ddm(state);
  }
}

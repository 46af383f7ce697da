import type { Predictor } from "./predictor.ts";
import type { SurfaceGrid } from "./surface-grid.ts";
import { type Rgb, rgbOf } from "./theme.ts";

/** Colours of classes that the style sheet has. */
export const CLASS_COLOURS = 8;
const STEPS = 256;
/** How strong a surface is at most, so that samples stand out from it. */
const STRENGTH = 0.62;
const STRENGTH_LEAST = 0.12;

/** Turns what a model says into colours. */
export interface Palette {
  /** Colours of the classes, by their index; of values, from low to high. */
  readonly classes: readonly Rgb[];
  readonly ramp: readonly Rgb[];
  readonly paper: Rgb;
}

/** Reads the colours of the theme that is on. */
export function readPalette(): Palette {
  return {
    classes: Array.from({ length: CLASS_COLOURS }, (_, k) => rgbOf(`--class-${k}`)),
    ramp: Array.from({ length: 4 }, (_, i) => rgbOf(`--ramp-${i}`)),
    paper: rgbOf("--paper"),
  };
}

/** The colour of a label: a class, or a value between the lowest and the highest that are shown. */
export function colourOfLabel(
  palette: Palette,
  predictor: Predictor,
  label: number,
  low: number,
  high: number,
): string {
  return css(predictor.classes === null ? onRamp(palette, share(label, low, high)) : classColour(palette, label));
}

/** Paints a grid into an image of the same size, whose first row is the uppermost. */
export function paintGrid(
  image: ImageData,
  { side, values, winners }: SurfaceGrid,
  { classes, outputCount }: Pick<Predictor, "classes" | "outputCount">,
  palette: Palette,
  low: number,
  high: number,
): void {
  const table = outputCount > 1 ? null : classes === null ? rampTable(palette) : twoClassTable(palette);
  const { data } = image;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const from = y * side + x;
      const to = ((side - 1 - y) * side + x) * 4;
      const value = values[from]!;
      if (table === null) {
        const strength = STRENGTH_LEAST + (STRENGTH - STRENGTH_LEAST) * share(value, 1 / outputCount, 1);
        const rgb = mix(palette.paper, classColour(palette, winners[from]!), strength);
        for (let c = 0; c < 3; c++) data[to + c] = rgb[c]!;
      } else {
        const at = Math.round(share(value, low, high) * (STEPS - 1)) * 3;
        for (let c = 0; c < 3; c++) data[to + c] = table[at + c]!;
      }
      data[to + 3] = 255;
    }
  }
}

function classColour({ classes }: Palette, index: number): Rgb {
  return classes[Math.trunc(index) % CLASS_COLOURS] ?? [128, 128, 128];
}

/** From class 0, through nothing where both are alike, to class 1. */
function twoClassTable(palette: Palette): Uint8ClampedArray {
  return tableOf((t) => {
    const side = Math.abs(t - 0.5) * 2;
    return mix(
      palette.paper,
      classColour(palette, t < 0.5 ? 0 : 1),
      STRENGTH_LEAST + (STRENGTH - STRENGTH_LEAST) * side,
    );
  });
}

function rampTable(palette: Palette): Uint8ClampedArray {
  return tableOf((t) => mix(palette.paper, onRamp(palette, t), 0.8));
}

function tableOf(colourAt: (t: number) => Rgb): Uint8ClampedArray {
  return Uint8ClampedArray.from(Array.from({ length: STEPS }, (_, i) => [...colourAt(i / (STEPS - 1))]).flat());
}

function onRamp({ ramp }: Palette, t: number): Rgb {
  const place = t * (ramp.length - 1);
  const i = Math.min(ramp.length - 2, Math.floor(place));
  return mix(ramp[i] ?? [0, 0, 0], ramp[i + 1] ?? [0, 0, 0], place - i);
}

function share(value: number, low: number, high: number): number {
  if (!(high > low)) return 0.5;
  const t = (value - low) / (high - low);
  return t >= 0 ? Math.min(1, t) : 0;
}

function mix(a: Rgb, b: Rgb, t: number): Rgb {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}

function css([r, g, b]: Rgb): string {
  return `rgb(${r.toFixed(0)} ${g.toFixed(0)} ${b.toFixed(0)})`;
}

// Draws a network with its weights: how thick and how dark a line is tells how much a weight counts, its colour which sign it
// has. Of wide layers those units are drawn that count most.

import type { Drawing } from "./drawing.ts";
import { h, replace, s, setText } from "./element.ts";
import { digits, plural } from "./format.ts";

/** Units of a layer that are drawn. */
const UNITS_MAX = 20;
const WIDTH = 640;
const HEIGHT = 300;
const MARGIN_X = 84;
const MARGIN_Y = 18;
const RADIUS = 7;
const LINE_MAX = 4;
const NAME_MAX = 12;
/** Lines fainter than this share of the strongest are left out of wide networks. */
const FAINT = 0.02;

interface Unit {
  /** Its place in the layer. */
  readonly index: number;
  readonly x: number;
  readonly y: number;
}

/** Is a line that is drawn: a weight of layer `l`, from a unit to another. */
interface Line {
  readonly path: SVGPathElement;
  readonly l: number;
  readonly from: number;
  readonly to: number;
}

/** Is a circle that is drawn: a unit whose bias is in layer `l`, or an input. */
interface Circle {
  readonly circle: SVGCircleElement;
  readonly l: number;
  readonly index: number;
}

export class NetworkView {
  readonly element: HTMLElement;
  readonly #drawing = h("div", { class: "network-drawing" });
  readonly #readout = h("output", { class: "network-readout" });
  readonly #isDifference: boolean;
  #drawn: Drawing | null = null;
  #shape = "";
  #lines: readonly Line[] = [];
  #circles: readonly Circle[] = [];

  constructor(isDifference = false) {
    this.#isDifference = isDifference;
    this.element = h("figure", { class: "network" }, this.#drawing, this.#readout);
  }

  /** Draws a network. One of the same shape only gets other weights, and keeps the units that are drawn. */
  show(drawing: Drawing): void {
    const shape = [...drawing.inputs, ...drawing.layers.map(({ biases }) => biases.length)].join();
    this.#drawn = drawing;
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#build(drawing);
    }
    const largest = largestOf(drawing);
    for (const line of this.#lines) paintLine(line, drawing, largest);
    for (const { circle, l, index } of this.#circles) {
      circle.setAttribute("class", (drawing.layers[l]?.biases[index] ?? 0) < 0 ? "negative" : "positive");
    }
  }

  #build(drawing: Drawing): void {
    const drawn = placed(drawing);
    const lines = drawing.layers.flatMap((_, l) =>
      (drawn[l + 1] ?? []).flatMap((to) =>
        (drawn[l] ?? []).map((from): Line => {
          const middle = (from.x + to.x) / 2;
          const d = `M${from.x} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
          return { path: s("path", { d }), l, from: from.index, to: to.index };
        }),
      ),
    );
    const circles = drawn.flatMap((units, l) =>
      units.map(({ index, x, y }): Circle => {
        const tell = () => setText(this.#readout, this.#drawn === null ? "" : telling(this.#drawn, l, index));
        return { circle: s("circle", { cx: x, cy: y, r: RADIUS, onpointerenter: tell }), l: l - 1, index };
      }),
    );
    const names = drawn.flatMap((units, l) => units.map((unit) => nameAt(drawing, unit, l)));
    replace(
      this.#drawing,
      s(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": labelOf(drawing, this.#isDifference) },
        s(
          "g",
          { class: "network-lines" },
          lines.map(({ path }) => path),
        ),
        s(
          "g",
          { class: "network-units" },
          circles.map(({ circle }) => circle),
          names,
        ),
      ),
    );
    this.#lines = lines;
    this.#circles = circles;
    setText(this.#readout, hidden(drawing));
  }
}

function paintLine({ path, l, from, to }: Line, { layers }: Drawing, largest: readonly number[]): void {
  const weight = layers[l]?.weights[to]?.[from] ?? 0;
  const size = Math.abs(weight) / (largest[l] || 1);
  path.setAttribute("class", weight < 0 ? "negative" : "positive");
  path.setAttribute("stroke-width", (0.4 + size * LINE_MAX).toFixed(2));
  path.setAttribute("stroke-opacity", size < FAINT ? "0" : (0.12 + 0.78 * size).toFixed(2));
}

/** The largest weight of each layer. */
function largestOf({ layers }: Drawing): readonly number[] {
  return layers.map(({ weights }) =>
    weights.reduce((most, row) => row.reduce((m, weight) => Math.max(m, Math.abs(weight)), most), 0),
  );
}

function labelOf({ layers, inputs }: Drawing, isDifference: boolean): string {
  const weights = layers.reduce(
    (sum, { weights: rows, biases }) => sum + biases.length * ((rows[0]?.length ?? 0) + 1),
    0,
  );
  const what = isDifference ? "Differences of the weights of a network" : "A network";
  return `${what} of ${plural(inputs.length, "input")} and ${plural(weights, "parameter")}`;
}

/** Writes the name of an input or an output beside it; units between have none. */
function nameAt(drawing: Drawing, { index, x, y }: Unit, l: number): SVGElement | null {
  const isLast = l === drawing.layers.length;
  if (l > 0 && !isLast) return null;
  const name = l === 0 ? (drawing.inputs[index] ?? "") : (drawing.outputs[index] ?? "");
  const [at, anchor] = isLast ? [x + RADIUS + 6, "start"] : [x - RADIUS - 6, "end"];
  const shown = name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name;
  return s("text", { x: at, y: y + 4, "text-anchor": anchor }, shown);
}

/** Places the units that are drawn, layer by layer, the inputs first. */
function placed({ layers }: Drawing): readonly (readonly Unit[])[] {
  const counts = [layers[0]?.weights[0]?.length ?? 0, ...layers.map(({ biases }) => biases.length)];
  return counts.map((count, l) => {
    const indices = strongest(layers, l, count);
    const x = MARGIN_X + ((WIDTH - 2 * MARGIN_X) * l) / Math.max(1, counts.length - 1);
    const gap = Math.min(46, (HEIGHT - 2 * MARGIN_Y) / Math.max(1, indices.length - 1));
    const top = HEIGHT / 2 - (gap * (indices.length - 1)) / 2;
    return indices.map((index, i) => ({ index, x, y: top + gap * i }));
  });
}

/** Chooses the units of a layer from which the largest weights lead on, in their order. */
function strongest(layers: Drawing["layers"], l: number, count: number): readonly number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (count <= UNITS_MAX) return all;
  const next = layers[l]?.weights ?? [];
  const strength = all.map((i) => next.reduce((sum, row) => sum + Math.abs(row[i] ?? 0), 0));
  return all
    .sort((a, b) => (strength[b] ?? 0) - (strength[a] ?? 0))
    .slice(0, UNITS_MAX)
    .sort((a, b) => a - b);
}

function hidden({ layers }: Drawing): string {
  const counts = [layers[0]?.weights[0]?.length ?? 0, ...layers.map(({ biases }) => biases.length)];
  const shape = counts.join("–");
  const more = counts.some((count) => count > UNITS_MAX)
    ? `; of each layer the ${UNITS_MAX} that count most are drawn`
    : "";
  const activations = [...new Set(layers.map(({ activation }) => activation))].join(", ");
  return `${shape}, ${activations}${more}`;
}

function telling(drawing: Drawing, l: number, index: number): string {
  const layer = drawing.layers[l - 1];
  if (layer === undefined) return `input ${drawing.inputs[index] ?? ""}`;
  const row = layer.weights[index] ?? [];
  const names = row
    .map((weight, i) => ({ weight, name: l === 1 ? (drawing.inputs[i] ?? "") : `unit ${i + 1}` }))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
    .slice(0, 4)
    .map(({ weight, name }) => `${name} ${digits(weight, 3)}`);
  const more = row.length > names.length ? " …" : "";
  const what = l === drawing.layers.length ? `output ${drawing.outputs[index] ?? ""}` : `layer ${l}, unit ${index + 1}`;
  return `${what}: bias ${digits(layer.biases[index], 3)}; ${names.join(", ")}${more}`;
}

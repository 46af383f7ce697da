// What is drawn of a model: a network, with names for its inputs and outputs; of an ensemble one of its members.

import type { EnsembleFile, LearnedFile, ModelFileLayer } from "./answers.ts";

/** Is a network as it is drawn. */
export interface Drawing {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly layers: readonly ModelFileLayer[];
}

/** Is a member of an ensemble, in words and by how much it counts. */
export interface Member {
  readonly name: string;
  readonly weight: number;
}

/** Draws a model, or the member of it that is at a place. */
export function drawingOf(file: LearnedFile, member: number): Drawing {
  const outputs = file.classes !== undefined && file.classes.length > 2 ? file.classes : [file.label];
  if (!("members" in file)) return { inputs: inputNames(file), outputs, layers: file.layers };
  const { fourier, layers = [] } = file.members[member] ?? {};
  const waves = (fourier?.phases ?? []).map((_, k) => `cos ${k + 1}`);
  return { inputs: [...waves, ...inputNames(file)], outputs, layers };
}

/** Lists the members of an ensemble; none of a network. */
export function membersOf(file: LearnedFile): readonly Member[] {
  if (!("members" in file)) return [];
  const { shares, weights } = file.mixer;
  return file.members.map((member, n) => ({
    name: nameOf(member),
    weight: ((shares[n] ?? 0) + (weights[n] ?? 0)) / 2,
  }));
}

/** The place of the member that counts most. */
export function heaviest(members: readonly Member[]): number {
  return members.reduce((best, { weight }, n) => (weight > (members[best]?.weight ?? 0) ? n : best), 0);
}

/** Says what a model is, in little room. */
export function shapeOf(file: LearnedFile): string {
  if ("members" in file) return file.members.length === 1 ? nameOf(file.members[0]) : `${file.members.length} members`;
  return [file.layers[0]?.weights[0]?.length ?? 0, ...file.layers.map(({ biases }) => biases.length)].join("–");
}

function nameOf(member: EnsembleFile["members"][number] | undefined): string {
  if (member === undefined) return "";
  const { fourier, layers, relevant } = member;
  const hidden = layers.slice(0, -1);
  const units = hidden.map(({ biases, activation }) => `${activation} ${biases.length}`).join(", ");
  const kind =
    fourier === undefined ? units || "linear" : `${fourier.phases.length} waves${units === "" ? "" : `, ${units}`}`;
  return relevant ? `${kind}, weighed inputs` : kind;
}

/** Names the inputs: features, or the categories of one. */
function inputNames({ features, categorical = {} }: Pick<LearnedFile, "features" | "categorical">): readonly string[] {
  return features.flatMap((feature) => {
    const of = categorical[feature];
    if (of === undefined) return [feature];
    return typeof of === "number"
      ? Array.from({ length: of }, (_, i) => `${feature} #${i}`)
      : of.map((name) => `${feature} ${name}`);
  });
}

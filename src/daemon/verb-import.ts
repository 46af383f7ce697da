import { RivuletError } from "../error.ts";
import { type AnyModelFile, learnerOf, type ModelFile, readModelFile } from "../export/model-file.ts";
import type { Learner } from "../learner/learner.ts";
import type { LearnerConfig } from "../learner/learner-config.ts";
import { decodeStateBlock, encodeStateBlock } from "../learner/state-block.ts";
import { canonicalJson } from "./canonical-json.ts";
import { compareLearnerConfig } from "./config.ts";
import { liveModel } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";
import { act, type SnapshotLine } from "./verb-snapshots.ts";

/** What of a network's state is taken over: parameters, statistics of the inputs, and a schedule that begins anew. */
const IMPORTED: readonly string[] = ["PARM", "SCAL", "MISS", "MEAN", "SCHD"];

/** Longest value that an error shows. */
const SHOWN_MAX = 80;

/**
 * Makes the network of a model file the current one; the rows pending are trained before it. It becomes part of the
 * journal, so a replay has it. Throws `model-file-invalid`, and `topology-differs` where the model has another network.
 */
export async function importModel(
  rooms: Rooms,
  params: { name?: string | undefined; model: Readonly<Record<string, unknown>> },
): Promise<SnapshotLine> {
  const model = liveModel(rooms.models, params.name);
  const file = readModelFile(params.model);
  const { learner: config } = model.state.config;
  const { optimizer, batch, precision } = config;
  const training = { optimizer, batch, ...(precision === undefined ? {} : { precision }) };
  const learner = learnerOf(file, training, "reference");
  assertFits(file, learner, config, model.name);
  const state = file.version === 2 ? learner.save() : networkState(learner);
  return act(rooms, model, { kind: "import", learner: Buffer.from(state).toString("base64") });
}

function networkState(learner: Learner): Uint8Array {
  return encodeStateBlock(decodeStateBlock(learner.save()).filter(({ tag }) => IMPORTED.includes(tag)));
}

function assertFits(file: AnyModelFile, learner: Learner, config: LearnerConfig, name: string): void {
  const { categorical: _, ensemble: members, neighbours: __, ...rest } = config;
  const wanted = {
    ...rest,
    features: file.features,
    label: file.label,
    classes: file.classes ?? null,
    ...(file.categorical === undefined ? {} : { categorical: file.categorical }),
    ...(file.version === 2
      ? { network: { ...config.network, loss: file.loss }, ensemble: membersOf(learner, members) }
      : { network: { ...config.network, ...networkOf(file) } }),
    scale: file.scaler === null ? "none" : "standard",
  };
  const difference = compareLearnerConfig(canonicalJson(config), canonicalJson(wanted));
  if (difference === "same") return;
  const changes = difference.changes.map(
    ({ path, from, to }) => `${path} is ${show(to)} in the file and ${show(from)} here`,
  );
  throw new RivuletError("topology-differs", `the file does not fit model ${name}: ${changes.join("; ")}`, {
    hint: `Give the model the file's features and layers in the configuration, then \`rivulet models reset ${name}\`.`,
  });
}

/** The members of an ensemble would fill a page. */
function show(value: unknown): string {
  const text = JSON.stringify(value ?? null);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

/** Describes the members of a file; what their frequencies were drawn by is not in it. */
function membersOf({ config }: Learner, here: LearnerConfig["ensemble"]): LearnerConfig["ensemble"] {
  return config.ensemble?.map((member, n) => {
    const { fourier } = member;
    const gamma = here?.[n]?.fourier?.gamma;
    return fourier === undefined || gamma === undefined ? member : { ...member, fourier: { ...fourier, gamma } };
  });
}

/** Names what of a network its layers and loss decide. */
function networkOf({ layers, loss }: ModelFile): object {
  const hidden = layers.slice(0, -1);
  return {
    hidden: hidden.map(({ biases }) => biases.length),
    activation: hidden.map(({ activation }) => activation),
    output: layers.at(-1)?.activation,
    loss,
  };
}

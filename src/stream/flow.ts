// What travels through the pipeline. Items carry what one turn of the event loop brought, never single samples.

import type { Reaction } from "../evaluate/adaptation.ts";
import type { Refusal, RefusalCount, RequestRecord, SavedState, Transaction } from "../learner/transaction.ts";
import type { Mark } from "../sample/marks.ts";
import type { Model } from "./model.ts";
import type { ConfigInForce } from "./model-state.ts";

/** A message from a broker. `ack` is called once everything that it changed is durable. */
export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** What is known of the whole payload where it was over the limit, and `payload` is but its beginning. */
  readonly cut?: { readonly payloadBytes: number; readonly sha256: string };
  readonly retain: boolean;
  readonly qos: 0 | 1 | 2;
  /** Tells the connections of a broker apart. */
  readonly connection: number;
  /** Where an answer is wanted, and what it must bring along. */
  readonly reply?: { readonly topic: string; readonly correlation: Uint8Array | null };
  ack(): void;
}

export type Action =
  | {
      readonly kind: "rollback";
      readonly target: { readonly id: number; readonly checksum: string; readonly learner: Uint8Array };
    }
  | { readonly kind: "reset"; readonly config: ConfigInForce }
  /** `learner` is a state block in base64. */
  | { readonly kind: "import"; readonly learner: string }
  | { readonly kind: "configure"; readonly config: ConfigInForce }
  | { readonly kind: "take" };

/** An order to a model: applied between two steps, after the pending rows were trained; answered when it is durable. */
export interface CommandItem {
  readonly kind: "command";
  readonly model: Model;
  readonly action: Action;
  /**
   * Tells what to remember of the request together with the action, from the state that the action made and the time of
   * its commit; null where the asker gave it no name.
   */
  readonly request: (made: SavedState, at: number) => RequestRecord | null;
  /** Called after the commit with the id of the snapshot that the action made. */
  readonly reply: (snapshot: number) => void;
}

export interface MessagesItem {
  readonly kind: "messages";
  readonly messages: readonly Message[];
}

/** Ends the stream: everything pending is trained, saved and committed. */
export interface StopItem {
  readonly kind: "stop";
}

/** Says that a transaction became durable; ring slots are free again. */
export interface SettledItem {
  readonly kind: "settled";
}

/** What happened to a model, told on its event topic after the commit. */
export type ModelEvent =
  | { readonly event: "rejected"; readonly code: string; readonly topic: string; readonly detail: string }
  | { readonly event: "gap"; readonly source: string; readonly epoch: string; readonly missing: number }
  | { readonly event: "undone"; readonly step: number }
  | { readonly event: "drift"; readonly step: number; readonly sequence: number; readonly action: Reaction }
  | { readonly event: "snapshot"; readonly id: number; readonly reason: string }
  | { readonly event: "rollback"; readonly snapshot: number; readonly from: number }
  | { readonly event: "reset"; readonly snapshot: number }
  | { readonly event: "import"; readonly snapshot: number }
  | { readonly event: "config"; readonly snapshot: number };

export interface NamedEvent {
  readonly model: string;
  readonly event: ModelEvent;
}

/** Messages that were decoded: their rows are in the rings, or they were refused. */
export interface AdmittedItem {
  readonly kind: "admitted";
  readonly models: ReadonlySet<Model>;
  readonly messages: readonly Message[];
  readonly rows: number;
  readonly refusals: readonly Refusal[];
  readonly refusalsUnkept: readonly RefusalCount[];
  readonly events: readonly NamedEvent[];
}

/** Orders `count` steps of `rows` rows each, the oldest pending ones that can be trained; 0 passes over questions. */
export interface BatchesItem {
  readonly kind: "batches";
  readonly model: Model;
  readonly rows: number;
  readonly count: number;
}

/** What training made known; its rows and cuts are in the models' drafts. */
export interface TrainedItem {
  readonly kind: "trained";
  readonly events: readonly NamedEvent[];
}

/** A command that was applied, with the snapshot that it made. */
export interface AppliedItem {
  readonly kind: "applied";
  readonly command: CommandItem;
  readonly snapshot: number;
  readonly events: readonly NamedEvent[];
}

/** Tells how far the numbers of a model's producer are settled. */
export interface ModelMark {
  readonly model: string;
  readonly mark: Mark;
}

/** Is what a model predicts for a question, as it is asked: it may run ahead of the commit. */
export interface QuestionAsked {
  readonly id: string;
  /** (K) */
  readonly outputs: readonly number[];
}

/** What became durable together, and who waits for it. */
export interface Committed {
  readonly transaction: Transaction | null;
  readonly messages: readonly Message[];
  readonly replies: readonly { readonly command: CommandItem; readonly snapshot: number }[];
  readonly events: readonly NamedEvent[];
  /** The marks that this moved. */
  readonly marks: readonly ModelMark[];
  /** Nothing follows. */
  readonly last: boolean;
}

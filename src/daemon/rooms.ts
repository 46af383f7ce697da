import type { RequestRecord } from "../learner/transaction.ts";
import type { Broker } from "../mqtt/broker.ts";
import type { Replaced, StoreThread } from "../store/store-thread.ts";
import type { CommandItem } from "../stream/flow.ts";
import type { Model } from "../stream/model.ts";
import type { ConfigInForce } from "../stream/model-state.ts";
import type { Config, ConfigCheck } from "./config.ts";
import type { Durations } from "./durations.ts";
import type { OneAtATime } from "./one-at-a-time.ts";
import type { FormerModel } from "./retained.ts";
import type { StoreFailure } from "./store-health.ts";

/** Counts what a running daemon did since it started. */
export interface Counters {
  committedRows: number;
  commits: number;
  commitFailures: number;
}

/** Says what came of the last reload. */
export interface Reloaded {
  /** When, ms since 1970. */
  readonly at: number;
  /** Keys that were put in force. */
  readonly changed: readonly string[];
  /** Keys that wait for a restart. */
  readonly waiting: readonly string[];
  /** Why the old configuration stayed, or null. */
  readonly failure: string | null;
}

/** What the verbs work on. */
export interface Rooms {
  /** In force now: a reload puts another one in its place. */
  readonly config: Config;
  readonly store: StoreThread;
  readonly models: ReadonlyMap<string, Model>;
  /** The configuration that each configured model is wanted to have. */
  readonly wanted: ReadonlyMap<string, ConfigInForce>;
  /** Null where a command opened the store for itself. */
  readonly broker: Broker | null;
  readonly counters: Readonly<Counters>;
  /** How long commits took since the start. */
  readonly commitTimes: Durations;
  readonly startedAt: number;
  readonly command: (command: CommandItem) => void;
  /** Turns a verb's answer into what is to be written together with what the verb changes; null where nothing is. */
  readonly record: (data: unknown) => RequestRecord | null;
  /** Runs work that takes much memory or time, one after the other. */
  readonly alone: OneAtATime;
  /** Ends what takes long when the daemon is to stop. */
  readonly stopping: AbortSignal;
  /** The reason why nothing can be committed at present, or null. */
  readonly failure: () => StoreFailure | null;
  /** When the store was restored from a backup, ms since 1970, and whether that was told before; null where it never was. */
  readonly restored: { readonly atMs: number; readonly told: boolean } | null;
  /** What became of the store that was there at the start, where it was damaged. */
  readonly replaced: Replaced | null;
  /** Checks the configuration as it is written now. */
  readonly checkConfig: () => ConfigCheck;
  /** What came of the last reload; null before the first. */
  readonly reloaded: () => Reloaded | null;
  /** Takes the retained state of a model that is no more off the broker. */
  readonly forget: (model: FormerModel) => void;
}

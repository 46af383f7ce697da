import type { Random } from "../../src/learner/random.ts";
import type { Link } from "./link.ts";
import type { SimModel } from "./sim-models.ts";

/** What every sender of the machine is told. */
export interface SenderOptions {
  readonly url: string;
  /** Stands in x1 of each row. */
  readonly index: number;
  readonly model: SimModel;
  readonly random: Random;
  readonly qos: 0 | 1 | 2;
}

/** Sends rows until it is told to stop, and again what it has no proof of. */
export interface Sender {
  readonly link: Link;
  /** Begins nothing new for a while. */
  paused: boolean;
  /** Begins nothing new any more. */
  stop(): void;
  /** Whether there is proof for everything that was begun, as far as it will ever come. */
  readonly settled: boolean;
  /** Messages of which each is refused: transmitted, and acknowledged by the broker. */
  readonly refusable: number;
  readonly refusableAcknowledged: number;
  end(): void;
}

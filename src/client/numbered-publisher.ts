// Publishes numbered rows through an outbox and waits until each is committed.

import { RivuletError } from "../error.ts";
import { type NumberedOutbox, type OutboxOptions, openOutbox } from "./numbered-outbox.ts";
import { digestOf, NO_ROWS } from "./outbox-frames.ts";
import { dueRows } from "./pace.ts";
import { type Row, textOf } from "./row-text.ts";

export interface NumberedPublishOptions extends OutboxOptions {
  /** Rows a second; 0 is as fast as the daemon takes them. */
  readonly rate: number;
  /** All rows from the first one on: those that the outbox was given by an earlier run are passed over. */
  readonly rows: Iterable<Row>;
  /** Ends sending; what was sent is still waited for, for STOP_MS_MAX. */
  readonly signal: AbortSignal;
}

export interface NumberedPublished {
  readonly epoch: string;
  /** Rows that have a number, those of earlier runs among them. */
  readonly numbered: number;
  /** Rows that had one when this run began. */
  readonly resumed: number;
  /** Rows that are settled. */
  readonly committed: number;
  readonly seconds: number;
}

/** Rows that are written to the outbox together at most. */
const BATCH_ROWS = 256;
/** Bytes of rows that run ahead of what is committed: the rest has its place where it comes from. */
const AHEAD_BYTES_MAX = 1_048_576;
const STOP_MS_MAX = 10_000;

/**
 * Publishes all rows and resolves when each is committed, or soon after the signal. Throws what `openOutbox` throws, what
 * the outbox fails with, and `usage` where it was given other rows before.
 */
export async function publishNumbered(options: NumberedPublishOptions): Promise<NumberedPublished> {
  const { signal, rate } = options;
  const outbox = await openOutbox({ bytesMax: AHEAD_BYTES_MAX, ...options, mustConnect: true });
  try {
    const startedAt = performance.now();
    const rows = options.rows[Symbol.iterator]();
    const resumed = passOver(rows, outbox, options.file);
    const sending = async () => {
      for (let sent = 0; !signal.aborted; ) {
        const batch = take(rows, Math.min(BATCH_ROWS, await dueRows(startedAt, sent, rate, signal)));
        if (batch.length === 0) break;
        await outbox.send(batch);
        sent += batch.length;
      }
      await outbox.settled();
      await outbox.heard();
    };
    await untilLongAfter(signal, sending());
    const seconds = (performance.now() - startedAt) / 1000;
    return { epoch: outbox.epoch, numbered: outbox.last, resumed, committed: outbox.settledTo, seconds };
  } finally {
    await outbox.close();
  }
}

/** Passes over the rows that have their number already. Throws `usage` where they are others. */
function passOver(rows: Iterator<Row>, outbox: NumberedOutbox, file: string | null): number {
  let digest = NO_ROWS;
  for (const row of take(rows, outbox.last)) digest = digestOf(digest, textOf(row));
  if (digest === outbox.digest) return outbox.last;
  throw new RivuletError(
    "usage",
    `the outbox ${file} was given ${outbox.last} rows, and they are not the first of these`,
    {
      hint: "It goes on with the file or stream that it was begun for. For another one, name another outbox.",
    },
  );
}

function take(rows: Iterator<Row>, count: number): Row[] {
  const taken: Row[] = [];
  while (taken.length < count) {
    const next = rows.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

/** Waits for work, but not for long after the signal. */
async function untilLongAfter(signal: AbortSignal, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let expire = () => {};
  const expired = new Promise<void>((resolve) => {
    expire = () => {
      timer = setTimeout(resolve, STOP_MS_MAX);
    };
  });
  if (signal.aborted) expire();
  else signal.addEventListener("abort", expire, { once: true });
  // What is still at work when the outbox is closed is told so, and nobody asks.
  work.catch(() => {});
  await Promise.race([work, expired]).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", expire);
  });
}

import fc from "fast-check";
import {
  asyncScheduler,
  delay,
  from,
  lastValueFrom,
  map,
  merge,
  NEVER,
  of,
  type SchedulerLike,
  Subject,
  take,
  takeUntil,
  tap,
  throwError,
  toArray,
} from "rxjs";
import { describe, expect, it } from "vitest";
import type { Transaction } from "../../src/learner/transaction.ts";
import type { CommitOptions } from "../../src/stream/commit-policy.ts";
import type { CommandItem, Committed, Message, MessagesItem } from "../../src/stream/flow.ts";
import type { Model } from "../../src/stream/model.ts";
import { type PipelineOptions, pipeline } from "../../src/stream/pipeline.ts";
import { liveModel } from "./model-bench.ts";

const eager: CommitOptions = { profile: "eager", maxDelayMs: 50, maxSamples: 64, bytesPerDay: 1e9 };
const limits = { payloadBytesMax: 65_536, rowsMax: 16 };

/** A message of `rows` rows whose x1 counts up from `first`. */
function message(first: number, rows: number, acked: number[], topic = "p/default/sample"): Message {
  const x1 = Array.from({ length: rows }, (_, i) => first + i);
  const payload = new TextEncoder().encode(JSON.stringify({ x1, x2: 0, y: 1 }));
  return { topic, payload, retain: false, qos: 1, connection: 1, ack: () => acked.push(first) };
}

function optionsFor(
  models: readonly Model[],
  number: { filling: number },
  extra: Partial<PipelineOptions>,
): PipelineOptions {
  return {
    models,
    number,
    prefix: "p",
    limits,
    policy: eager,
    commit: () => of(undefined),
    timeOfDay: () => 0,
    onFailure: () => {},
    onAsked: () => {},
    ...extra,
  };
}

/** Reads the x1 of every row that a transaction holds; the columns are on loan, so they are copied. */
function rowsOf(transaction: Transaction): number[] {
  return transaction.sections.flatMap((section) =>
    section.entries.flatMap((entry) =>
      entry.type === "rows" ? Array.from({ length: entry.rows }, (_, r) => entry.features[2 * r] ?? Number.NaN) : [],
    ),
  );
}

describe("the pipeline", () => {
  it("drops at the stop what still waits for room, without an acknowledgement", async () => {
    const number = { filling: 1 };
    const model = liveModel({ commit: number, ringRows: 32 });
    const acked: number[] = [];
    const durable: number[] = [];
    const messages = Array.from({ length: 10 }, (_, m) => message(1 + 16 * m, 16, acked));
    const commit = (transaction: Transaction) =>
      of(undefined).pipe(
        delay(5),
        tap(() => durable.push(...rowsOf(transaction))),
      );
    const source$ = of<MessagesItem>({ kind: "messages", messages });
    await lastValueFrom(
      source$.pipe(
        pipeline(optionsFor([model], number, { commit })),
        tap((committed) => {
          for (const { ack } of committed.messages) ack();
        }),
      ),
    );
    expect(acked.length).toBeGreaterThan(0);
    expect(acked.length).toBeLessThan(10);
    // The first of those that waited, and no other, was at the head of the queue.
    expect(model.ringWaits).toBeGreaterThan(0);
    expect(model.ringWaits).toBeLessThan(10);
    expect(durable).toEqual(Array.from({ length: 16 * acked.length }, (_, i) => i + 1));
  });

  it("loses nothing and reorders nothing, whatever the chunks, with a ring that is often full and a store that fails", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 16 }), { maxLength: 12 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.boolean(), { maxLength: 8 }),
        async (chunks, failures) => {
          const number = { filling: 1 };
          const model = liveModel({ commit: number, ringRows: 32 });
          const acked: number[] = [];
          const durable: number[] = [];
          const ids: number[] = [];
          let first = 1;
          const items = chunks.map(
            (sizes): MessagesItem => ({
              kind: "messages",
              messages: sizes.map((rows) => {
                first += rows;
                return message(first - rows, rows, acked);
              }),
            }),
          );
          const failing = [...failures];
          const commit = (transaction: Transaction) => {
            if (failing.pop() === true) return throwError(() => new Error("no room"));
            return of(undefined).pipe(
              delay(0),
              tap(() => {
                ids.push(transaction.id);
                durable.push(...rowsOf(transaction));
              }),
            );
          };
          const scheduler = fast();
          const settle = (committed: Committed) => {
            for (const { ack } of committed.messages) ack();
            // What is acknowledged is durable.
            expect(durable.length).toBe(model.durableSequence);
            if (acked.length === chunks.flat().length) all$.next();
          };
          const all$ = new Subject<void>();
          const endless$ = merge(from(items), NEVER).pipe(takeUntil(all$));
          await lastValueFrom(
            endless$.pipe(pipeline(optionsFor([model], number, { commit }), scheduler), tap(settle), toArray()),
          );
          expect(durable).toEqual(Array.from({ length: first - 1 }, (_, i) => i + 1));
          expect(acked.length).toBe(chunks.flat().length);
          expect(ids).toEqual(ids.map((_, i) => i + 1));
          expect(model.pending).toBe(0);
          expect(model.state.sequence).toBe(first - 1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("never commits two models' rows apart when they came together", async () => {
    const number = { filling: 1 };
    const [a, b] = [liveModel({ name: "a", commit: number }), liveModel({ name: "b", commit: number })];
    const items: MessagesItem[] = [
      {
        kind: "messages",
        messages: [message(1, 3, [], "p/a/sample"), message(1, 2, [], "p/b/sample"), message(4, 1, [], "p/a/sample")],
      },
    ];
    const sections: string[][] = [];
    const commit = (transaction: Transaction) => {
      sections.push(transaction.sections.map(({ model, rows }) => `${model}${rows}`));
      return of(undefined);
    };
    await lastValueFrom(from(items).pipe(pipeline(optionsFor([a, b], number, { commit })), toArray()));
    expect(sections[0]).toEqual(["a4", "b2"]);
  });

  it("applies a command between what came before it and what comes after", async () => {
    const number = { filling: 1 };
    const model = liveModel({ commit: number, snapshot: { every: { steps: 1e9 }, minGapMs: 0 } });
    const replies: number[] = [];
    const command: CommandItem = {
      kind: "command",
      model,
      action: { kind: "take" },
      request: () => null,
      reply: (id) => replies.push(id),
    };
    const items = [
      { kind: "messages" as const, messages: [message(1, 3, [])] },
      command,
      { kind: "messages" as const, messages: [message(4, 2, [])] },
    ];
    const states: [number, string | undefined][] = [];
    const commit = (transaction: Transaction) => {
      for (const state of transaction.states) states.push([state.sequence, state.snapshot?.reason]);
      return of(undefined);
    };
    await lastValueFrom(
      from(items).pipe(
        pipeline(optionsFor([model], number, { commit })),
        tap(({ replies: due }) => {
          for (const reply of due) reply.command.reply(reply.snapshot);
        }),
        toArray(),
      ),
    );
    expect(states).toEqual([
      [3, "command"],
      [5, "shutdown"],
    ]);
    expect(replies).toEqual([1]);
  });

  it("takes retained messages for what they are: acknowledged, and not trained", async () => {
    const number = { filling: 1 };
    const model = liveModel({ commit: number });
    const acked: number[] = [];
    const items = [{ kind: "messages" as const, messages: [{ ...message(1, 1, acked), retain: true }] }];
    await lastValueFrom(
      from(items).pipe(
        pipeline(optionsFor([model], number, {})),
        tap(({ messages }) => {
          for (const { ack } of messages) ack();
        }),
        toArray(),
      ),
    );
    expect([acked, model.state.sequence]).toEqual([[1], 0]);
  });

  it("leaves nothing behind when it is unsubscribed early", async () => {
    const number = { filling: 1 };
    const model = liveModel({ commit: number });
    const source = new Subject<MessagesItem>();
    const first = lastValueFrom(
      source.pipe(
        pipeline(optionsFor([model], number, {})),
        take(1),
        map(({ last }) => last),
      ),
    );
    expect(await first).toBe(false);
    expect(source.observed).toBe(false);
  });
});

/** Runs timers at once: the order of things, not their time, is what is looked at. */
function fast(): SchedulerLike {
  return {
    now: () => asyncScheduler.now(),
    schedule(work, _delay, state) {
      return asyncScheduler.schedule<typeof state>(work as never, 0, state);
    },
  };
}

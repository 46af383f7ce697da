import { delay, map, mergeWith, type Observable, of, Subject, tap, throwError } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/learner/random.ts";
import type { Transaction } from "../../src/learner/transaction.ts";
import type { CommitOptions } from "../../src/stream/commit-policy.ts";
import { CommitPolicy } from "../../src/stream/commit-policy.ts";
import type { AdmittedItem, AppliedItem, Committed, Message, SettledItem, StopItem } from "../../src/stream/flow.ts";
import { groupCommit } from "../../src/stream/group-commit.ts";
import { append, liveModel, takeCommand } from "./model-bench.ts";

type In = AdmittedItem | AppliedItem | SettledItem | StopItem;

const balanced: CommitOptions = { profile: "balanced", maxDelayMs: 50, maxSamples: 100, bytesPerDay: 1e9 };

function message(connection: number): Message {
  return { topic: "", payload: new Uint8Array(), retain: false, qos: 1, connection, ack: () => {} };
}

interface Setting {
  readonly policy?: Partial<CommitOptions>;
  /** Messages of each chunk, all of one connection. */
  readonly messages?: number;
  readonly commit?: (transaction: Transaction, scheduler: TestScheduler) => Observable<void>;
  readonly onFailure?: (error: unknown, delayMs: number) => void;
}

/**
 * Runs a marble diagram: a digit is a chunk of so many rows, c an applied command, s the stop. What is emitted reads
 * `rows/messages/replies`, with `!` at the last.
 */
function run(source: string, expected: string, values: Record<string, string>, setting: Setting = {}): Transaction[] {
  const scheduler = new TestScheduler((actual, wanted) => expect(actual).toEqual(wanted));
  const transactions: Transaction[] = [];
  scheduler.run(({ hot, expectObservable }) => {
    const number = { filling: 1 };
    const model = liveModel({ commit: number, ringRows: 4096 });
    const random = new Random(1);
    const settled$ = new Subject<SettledItem>();
    const command = takeCommand(model);
    const item = (letter: string): In => {
      if (letter === "s") return { kind: "stop" };
      if (letter === "c") return { kind: "applied", command, snapshot: model.save("command", 0), events: [] };
      const rows = Number(letter);
      append(model, random, rows);
      while (model.pending > 0) model.cut(Math.min(4, model.pending));
      const messages = Array.from({ length: setting.messages ?? 1 }, () => message(7));
      return {
        kind: "admitted",
        models: new Set([model]),
        messages,
        rows,
        refusals: [],
        refusalsUnkept: [],
        events: [],
      };
    };
    const letters = Object.fromEntries([..."123456789cs"].map((letter) => [letter, letter]));
    const result$ = (hot(source, letters) as Observable<string>).pipe(
      map(item),
      mergeWith(settled$),
      groupCommit(
        {
          gate: { waiting: false },
          models: [model],
          number,
          policy: { ...balanced, ...setting.policy },
          commit: (transaction) => {
            transactions.push(transaction);
            return setting.commit?.(transaction, scheduler) ?? of(undefined);
          },
          timeOfDay: () => scheduler.now(),
          onFailure: setting.onFailure ?? (() => {}),
        },
        scheduler,
      ),
      tap(() => settled$.next({ kind: "settled" })),
      map(describeCommitted),
    );
    expectObservable(result$, "^ 15s !").toBe(expected, values);
  });
  return transactions;
}

function describeCommitted({ transaction, messages, replies, last }: Committed): string {
  const rows = transaction?.sections.reduce((sum, section) => sum + section.rows, 0) ?? 0;
  return `${rows}/${messages.length}/${replies.length}${last ? "!" : ""}`;
}

describe("the group commit", () => {
  it("commits a lone chunk when intake went idle", () => run("-1--", "--a", { a: "1/1/0" }));
  it("groups what comes without a pause", () => run("-1111", "-----a", { a: "4/4/0" }));
  it("does not wait for idleness longer than the delay that is allowed", () =>
    run("-11111111", "---a--b--c", { a: "3/3/0", b: "3/3/0", c: "2/2/0" }, { policy: { maxDelayMs: 2 } }));
  it("commits at once when the transaction is full", () =>
    run("-9911", "--a--b", { a: "18/2/0", b: "2/2/0" }, { policy: { maxSamples: 10 } }));
  it("commits each chunk at once in the eager profile", () =>
    run("-111", "-abc", { a: "1/1/0", b: "1/1/0", c: "1/1/0" }, { policy: { profile: "eager" } }));
  it("groups a trickle up to a second once the day's budget is spent", () =>
    run("-1 99ms 1 1s 1", "--a 1098ms b 1s c", { a: "1/1/0", b: "1/1/0", c: "1/1/0" }, { policy: { bytesPerDay: 1 } }));
  it("groups for ten seconds on a card", () =>
    run("-1 99ms 1", "- 10s a", { a: "2/2/0" }, { policy: { profile: "sd-card" } }));
  it("lets no small window of a publisher stall, in any profile", () =>
    run("-1", "- 5ms a", { a: "1/10/0" }, { policy: { profile: "sd-card" }, messages: 10 }));
  it("commits a command at once, with what was gathered before it", () =>
    run("-1-c", "---a", { a: "1/1/1" }, { policy: { profile: "sd-card" } }));
  it("commits the rest at the stop and says that nothing follows", () =>
    run("-1-s", "---a", { a: "1/1/0!" }, { policy: { profile: "sd-card" } }));
  it("says so at the stop when there was nothing to commit", () => {
    expect(run("-s", "-a", { a: "0/0/0!" })).toEqual([]);
  });

  it("fills the next transaction while one is in flight, and has never two of them", () => {
    let inFlight = 0;
    const transactions = run(
      "-1--2--3",
      "- 11ms a 9ms b",
      { a: "1/1/0", b: "5/2/0" },
      {
        commit: (_, scheduler) => {
          expect(++inFlight).toBe(1);
          return of(undefined).pipe(
            delay(10, scheduler),
            tap(() => inFlight--),
          );
        },
      },
    );
    expect(transactions.map(({ id }) => id)).toEqual([1, 2]);
  });

  it("retries a failed commit unchanged, and acknowledges nothing before it succeeded", () => {
    const failures: number[] = [];
    let tries = 0;
    const transactions = run(
      "-1-1",
      "- 301ms (ab)",
      { a: "1/1/0", b: "1/1/0" },
      {
        commit: () => (++tries <= 2 ? throwError(() => new Error("disk full")) : of(undefined)),
        onFailure: (_, delayMs) => failures.push(delayMs),
      },
    );
    expect(failures).toEqual([100, 200]);
    expect(transactions[0]).toBe(transactions[1]);
    expect(transactions[1]).toBe(transactions[2]);
    expect(transactions[3]?.id).toBe(2);
  });
});

describe("the commit policy", () => {
  it("lets go at once what needs no commit, in every profile", () => {
    for (const profile of ["eager", "balanced", "sd-card"] as const) {
      const policy = new CommitPolicy({ profile, maxDelayMs: 50, maxSamples: 4096, bytesPerDay: 1 }, 0);
      const filling = { rows: 0, changes: false, urgent: false, firstAt: 3, lastAt: 7, held: new Map() };
      expect(policy.dueAt(filling)).toBe(7);
      const changed = policy.dueAt({ ...filling, changes: true, rows: 1 });
      expect(changed > 7).toBe(profile !== "eager");
    }
  });
});

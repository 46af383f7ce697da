import { describe, expect, it } from "vitest";
import type { RetentionPolicy, Store } from "../../src/store/store.ts";
import { commits, open, recoveryStates, temporaryFolder, Writer } from "./bench.ts";

const KEEP: RetentionPolicy = { keep: { last: 1, hourly: 0, daily: 0 }, keepRows: 1, keepSteps: 1 };

function thin(store: Store, models: readonly string[]): void {
  const policies = new Map(models.map((name) => [name, KEEP]));
  for (let bites = 0; store.maintain(policies, 1); ) expect(++bites).toBeLessThan(10_000);
}

/** Does what recovery does: takes the newest good state and feeds the commits after it. */
function recover(store: Store, model: string): readonly number[] {
  const found = recoveryStates(store, model).find(({ good }) => good);
  if (!found?.good) throw new Error("there is no good state");
  const sequences: number[] = [];
  for (const { atMs, sections } of commits(store, { from: found.state.commitFrom, limit: 1000, model })) {
    for (const entry of sections.flatMap(({ entries }) => entries)) {
      if (entry.type === "cuts") store.feedCosts(model, [{ cuts: entry, atMs }]);
      else if (entry.type === "rows") sequences.push(entry.firstSequence + entry.rows - 1);
    }
  }
  return sequences;
}

describe("what comes after retention", () => {
  it("finds rows committed after restarts without rows, for commit ids are never used again", () => {
    const folder = temporaryFolder();
    let store = open(folder);
    const writer = new Writer(store);
    for (let i = 0; i < 10; i++) writer.commit(5, {});
    // A daemon that is started and stopped without a message in between.
    for (let i = 0; i < 3; i++) writer.commit(0, { snapshot: writer.mark({ reason: "shutdown" }) });
    const last = store.lastCommitId();
    thin(store, ["default"]);
    store.close();
    store = open(folder);
    expect(store.lastCommitId()).toBe(last);
    const again = Object.assign(new Writer(store), { sequence: writer.sequence, step: writer.step });
    again.commit(5);
    store.close();
    expect(recover(open(folder), "default")).toEqual([writer.sequence + 20]);
  });

  it("does not use commit ids again either when every model was deleted", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    const writer = new Writer(store);
    for (let i = 0; i < 10; i++) writer.commit(5, {});
    store.deleteModel("default");
    thin(store, []);
    store.close();
    expect(open(folder).lastCommitId()).toBe(10);
  });

  it("counts no step twice where all single steps but the newest were pruned before a crash", () => {
    const folder = temporaryFolder();
    let store = open(folder);
    const writer = new Writer(store);
    writer.commit(300, {});
    writer.commit(10, {});
    for (let i = 0; i < 3; i++) writer.commit(1000);
    thin(store, ["default"]);
    store.close();
    store = open(folder);
    recover(store, "default");
    for (const points of [1, 7, 200, 5000]) {
      const answered = store.history({ model: "default", from: 1, to: writer.step, points });
      let first = 1;
      for (const { step, cost } of answered) {
        let sum = 0;
        for (let s = first; s <= step; s++) sum += 1 / s;
        expect(cost).toBeCloseTo(sum / (step - first + 1), 10);
        first = step + 1;
      }
      expect(first).toBe(writer.step + 1);
    }
  });

  it("has given up no more than a bounded number of commits, states, or cost records a bite", () => {
    const store = open();
    const writer = new Writer(store);
    for (let i = 0; i < 300; i++) writer.commit(40, i % 5 === 4 ? {} : null);
    const policies = new Map([["default", KEEP]]);
    const count = () => ({
      commits: store.status().commitsHeld ?? Number.NaN,
      states: recoveryStates(store, "default").length,
      points: store.history({ model: "default", from: 1, to: writer.step, points: 1e6 }).length,
    });
    const first = count();
    let before = first;
    for (let more = true; more; ) {
      more = store.maintain(policies, 1);
      const now = count();
      expect(before.commits - now.commits).toBeLessThanOrEqual(64);
      expect(before.states - now.states).toBeLessThanOrEqual(16);
      // A chunk of 512 single steps leaves 32 roll-ups behind.
      expect(before.points - now.points).toBeLessThanOrEqual(8 * (512 - 32));
      before = now;
    }
    expect(before.commits).toBeLessThan(first.commits - 64);
    expect(before.states).toBe(3);
    expect(before.points).toBeLessThan(first.points - 8 * (512 - 32));
  });
});

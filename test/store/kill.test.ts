import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { expect, it } from "vitest";
import { Random } from "../../src/learner/random.ts";
import { commits, open, recoveryStates, temporaryFolder } from "./bench.ts";

const LOOP = fileURLToPath(new URL("commit-loop.ts", import.meta.url));
const ROUNDS = 5;
const ROWS = 3;

/** Lets a process commit until it has printed `count` ids, kills it, and returns all that it printed until it died. */
async function commitUntilKilled(folder: string, count: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, [LOOP, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const dead = once(child, "exit");
  const printed: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (printed.push(Number(line)) === count) child.kill("SIGKILL");
  }
  expect((await dead)[1]).toBe("SIGKILL");
  return printed;
}

it("keeps every commit that it told of, whole, when the process is killed at any moment", async () => {
  const seed = 20_240_611;
  const random = new Random(seed);
  const folder = temporaryFolder();
  let last = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const count = 1 + Math.floor(random.uniform() * 120);
    const at = `seed ${seed}, round ${round}, killed after ${count} commits`;
    const printed = await commitUntilKilled(folder, count);
    const store = open(folder);
    expect(printed[0], at).toBe(last + 1);
    last = store.lastCommitId();
    // A commit may have become durable whose id was not printed any more, but not the other way round.
    expect(last, at).toBeGreaterThanOrEqual(printed.at(-1) ?? 0);
    for (const model of ["one", "two"]) {
      const sequences: number[] = [];
      for (let from = 1; from <= last; ) {
        const page = commits(store, { from, limit: 100, model });
        for (const { id, sections } of page) {
          expect(id, at).toBe(from++);
          for (const { firstSequence } of sections) sequences.push(firstSequence);
        }
      }
      expect(sequences, at).toEqual(Array.from({ length: last }, (_, i) => i * ROWS + 1));
      const states = recoveryStates(store, model).map((found) => (found.good ? found.state.step : "damaged"));
      expect(states, at).toEqual(Array.from({ length: last }, (_, i) => last - i));
    }
    expect(store.lastSnapshotId(), at).toBe(2 * last + 1);
    expect(store.quarantineCounts(), at).toEqual([{ model: null, code: "not-json", count: last }]);
    store.close();
    const db = new Database(join(folder, "rivulet.db"));
    expect(db.pragma("integrity_check", { simple: true }), at).toBe("ok");
    db.close();
  }
});

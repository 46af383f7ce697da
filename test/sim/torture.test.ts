// A short run of the machine that tries; `npm run torture -- --seed S --kills N` runs more of it.

import { describe, expect, inject, it } from "vitest";
import { programs } from "../programs.ts";
import { torture } from "./machine.ts";

const { main } = inject("program");
const seed = 5;
const kills = 6;
const TIMEOUT_MS = 180_000;

describe(`${kills} lives of the daemon, seed ${seed}, lose nothing that was acknowledged, and train no number twice`, () => {
  const run = async (broker: "embedded" | "mosquitto") => {
    const tortured = await torture({ seed, kills, broker, main, onLife: () => {} });
    expect(tortured.kills).toBe(kills);
    expect(tortured.rows).toBeGreaterThan(500);
  };

  it("on its own broker", { timeout: TIMEOUT_MS }, () => run("embedded"));

  it.skipIf(!programs.mosquitto)("on Mosquitto, which is restarted, frozen and killed", { timeout: TIMEOUT_MS }, () =>
    run("mosquitto"),
  );
});

import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { ask, connectTo, eventually, open, temporaryFolder } from "./open.ts";

interface FlowNode {
  readonly id: string;
  readonly type: string;
  readonly topic?: string;
  readonly payload?: string;
  readonly func?: string;
  readonly wires?: readonly (readonly string[])[];
}

const flow = JSON.parse(
  readFileSync(new URL("../../deploy/node-red/flow.json", import.meta.url), "utf8"),
) as readonly FlowNode[];
const byId = new Map(flow.map((node) => [node.id, node]));

/** Runs the function of a node as Node-RED does. */
function call(id: string, msg: unknown, context: Map<string, unknown>): { readonly payload: unknown } | null {
  const globals = { msg, context: { get: (key: string) => context.get(key), set: context.set.bind(context) } };
  return runInNewContext(`(() => { ${byId.get(id)?.func} })()`, { ...globals, node: { status: () => {} } });
}

/** Names the topic of the message that leaves where a node's wires lead. */
function topicAfter(id: string): string {
  const next = byId.get(byId.get(id)?.wires?.[0]?.[0] ?? "");
  if (next?.type !== "mqtt out") throw new Error(`nothing leaves after ${id}`);
  return next.topic ?? "";
}

describe("the flow for Node-RED", () => {
  it("leads nowhere but to nodes that are there", () => {
    expect(byId.size).toBe(flow.length);
    for (const { wires } of flow) for (const to of wires?.flat() ?? []) expect([...byId.keys()]).toContain(to);
  });

  it("sends numbered samples that are trained once, asks, orders, and hears of all that", async () => {
    const daemon = await open(temporaryFolder());
    const client = await connectTo(daemon);
    const heard = new Map<string, string>();
    client.on("message", (topic, payload) => heard.set(topic, payload.toString()));
    await client.subscribeAsync(flow.filter(({ type }) => type === "mqtt in").map(({ topic }) => topic ?? ""));
    const context = new Map<string, unknown>();
    for (let i = 0; i < 30; i++) {
      const sample = JSON.stringify(call("rivulet-sample", {}, context)?.payload);
      // The second time each has a number that is settled.
      for (let again = 0; again < 2; again++) {
        await client.publishAsync(topicAfter("rivulet-sample"), sample, { qos: 1 });
      }
    }
    for (const id of ["rivulet-ask", "rivulet-back"]) {
      await client.publishAsync(topicAfter(id), byId.get(id)?.payload ?? "", { qos: 1 });
    }
    await eventually(() => [...heard.keys()].sort()).toEqual([
      "rivulet/default/prediction",
      "rivulet/default/response/rollback",
      "rivulet/default/state",
    ]);
    const status = await ask(daemon, "status", {});
    expect(status.models["default"]).toMatchObject({ sequence: 30, refused: {} });
    await eventually(() => JSON.parse(heard.get("rivulet/default/state") ?? "{}").sequence).toBe(30);
    const state = JSON.parse(heard.get("rivulet/default/state") ?? "{}");
    expect(call("rivulet-accuracy", { payload: state }, context)?.payload).toBe(state.metrics.accuracy);
    expect(call("rivulet-accuracy", { payload: { ...state, metrics: null } }, context)).toBeNull();
  });
});

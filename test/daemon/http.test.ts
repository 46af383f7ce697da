import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkConfigText, parseConfig } from "../../src/daemon/config.ts";
import { controlSocketPath, requestControl } from "../../src/daemon/control-socket.ts";
import { type Daemon, openDaemon } from "../../src/daemon/daemon.ts";
import { silentLog } from "../../src/daemon/log.ts";
import type { Recent } from "../../src/daemon/verb-live.ts";
import { GUARDED, MUTATING, VERBS } from "../../src/daemon/verbs.ts";
import { makeCertificates } from "../mqtt/mosquitto-process.ts";
import { programs } from "../programs.ts";
import { bearer, call, listen, order } from "./call.ts";
import { ask, connectTo, eventually, onEnd, open, temporaryFolder } from "./open.ts";
import { publishRows } from "./request.ts";

const SERVED = ["http.port=0"];
const ORDERS = [...MUTATING, ...GUARDED];

/** Opens a daemon that has learned something and has two snapshots. */
async function learned(set: readonly string[] = [], rows = 100): Promise<Daemon> {
  const daemon = await open(temporaryFolder(), null, [...SERVED, ...set]);
  await publishRows(await connectTo(daemon), rows);
  await ask(daemon, "snapshots-take", {});
  return daemon;
}

describe("the API", () => {
  it("answers every verb that changes nothing as the control socket does", async () => {
    const daemon = await learned();
    const socket = controlSocketPath(daemon.rooms.config.data, process.env);
    const queries: Record<string, [query: string, params: unknown]> = {
      history: ["from=3&to=20&points=4", { from: 3, to: 20, points: 4 }],
      quarantine: ["limit=3", { limit: 3 }],
      "snapshots-list": ["name=default&limit=1", { name: "default", limit: 1 }],
      "snapshots-show": ["snapshot=1", { snapshot: "1" }],
      "snapshots-diff": ["a=1&b=2", { a: "1", b: "2" }],
      "snapshots-export": ["snapshot=2&format=json", { snapshot: "2" }],
      backtest: ["last=50&snapshots=1&snapshots=2", { last: 50, snapshots: ["1", "2"] }],
      predict: ["values=0.5&values=", { values: [0.5, null] }],
      explain: ["values=0.5&values=-1e-1&snapshot=2", { values: [0.5, -0.1], snapshot: "2" }],
      importance: ["last=20&seed=7", { last: 20, seed: 7 }],
      verify: ["from=1&to=2", { from: "1", to: "2" }],
      model: ["id=1", { id: "1" }],
      recent: ["count=5", { count: 5 }],
    };
    for (const verb of VERBS.filter((name) => !ORDERS.includes(name) && name !== "journal-export")) {
      const [query, params] = queries[verb] ?? ["", {}];
      const { status, headers, body } = await call(daemon, `/api/${verb}?${query}`);
      expect({ verb, status, type: headers["content-type"] }).toEqual({ verb, status: 200, type: "application/json" });
      const same = (await requestControl(socket, verb, params)) as Record<string, unknown>;
      expect(steady(body), verb).toEqual(steady(same));
    }
    const { body } = await call(daemon, "/api/journal-export?from=2&to=3&format=csv");
    expect(body).toMatchObject({ rows: 2, from: 2, to: 3, text: expect.stringMatching(/^sequence,x1,x2,y\r?\n2,/) });
  });

  it("obeys every verb that changes something, by POST and with the token", async () => {
    const daemon = await learned();
    const params: Record<string, unknown> = {
      "snapshots-tag": { snapshot: "2", tag: "good" },
      rollback: { snapshot: "good" },
      "models-reset": { name: "default" },
      "models-delete": { name: "default" },
    };
    const answers: Record<string, unknown> = {
      "snapshots-tag": { id: 2, tags: ["good"] },
      "snapshots-take": { id: 3, reason: "command" },
      rollback: { id: 4, parent: 2, reason: "rollback" },
      "models-reset": { id: 5 },
      "models-import": { id: 6 },
      backup: { file: expect.any(String) },
    };
    params["models-import"] = { model: (await call(daemon, "/api/model")).body };
    for (const verb of ORDERS.filter((name) => name !== "models-delete")) {
      const { status, body } = await order(daemon, verb, params[verb]);
      expect({ verb, status, body }).toMatchObject({ verb, status: 200, body: answers[verb] });
    }
    const live = await order(daemon, "models-delete", params["models-delete"]);
    expect(live).toMatchObject({ status: 400, body: { error: { code: "usage" } } });
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(6);
  });

  it("obeys a request with a name once", async () => {
    const daemon = await learned();
    const take = { transaction: "t-1" };
    const first = await order(daemon, "snapshots-take", take);
    expect(await order(daemon, "snapshots-take", take)).toMatchObject({ status: 200, body: first.body });
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(3);
    const other = await order(daemon, "rollback", { snapshot: "1", ...take });
    expect(other).toMatchObject({ status: 400, body: { error: { code: "usage" } } });
  });

  it("takes the parameters of a query from a body as well", async () => {
    const daemon = await learned();
    const { body } = await order(daemon, "predict", { values: [0.25, 0.5] });
    expect(body).toEqual((await call(daemon, "/api/predict?values=0.25&values=0.5")).body);
  });

  it.each([
    ["GET", "/api/constructor", 404, "unknown-verb"],
    ["GET", "/api/history?points=many", 400, "usage"],
    ["GET", "/api/history?points=0", 400, "usage"],
    ["GET", "/api/history?pints=3", 400, "usage"],
    ["GET", "/api/history?points=3&points=4", 400, "usage"],
    ["GET", "/api/history?name=none", 404, "unknown-model"],
    ["GET", "/api/history?__proto__=1", 400, "usage"],
    ["GET", "/api/snapshots-show?snapshot=77", 404, "unknown-snapshot"],
    ["GET", "/api/recent?count=1001", 400, "usage"],
    ["GET", "/api/model?id=77", 404, "unknown-snapshot"],
    ["GET", "/api/rollback?snapshot=1", 405, "usage"],
    ["PUT", "/api/status", 404, "usage"],
    ["GET", "/api", 404, "usage"],
    ["GET", "/api/", 404, "usage"],
    ["GET", "/nothing", 404, "usage"],
    ["GET", "//example.com/", 404, "usage"],
    ["GET", "/%00", 404, "usage"],
    ["GET", "/..%2f..%2fpackage.json", 404, "usage"],
  ])("answers %s %s with %i and %s", async (method, path, status, code) => {
    const daemon = await open(temporaryFolder(), null, SERVED);
    const headers = method === "GET" ? {} : bearer(daemon);
    const called = await call(daemon, path, { method, headers });
    expect(called).toMatchObject({ status, body: { error: { code, message: expect.any(String) } } });
  });

  it.each([
    ["no JSON", "{", 400, "usage"],
    ["a list", "[]", 400, "usage"],
    ["text", '"a"', 400, "usage"],
    ["what is nested deeply", `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`, 400, "too-deep"],
    ["a file for a backup", '{"file":"x.db"}', 400, "usage"],
  ])("refuses %s as a body", async (_, text, status, code) => {
    const daemon = await open(temporaryFolder(), null, SERVED);
    const called = await call(daemon, "/api/backup", { method: "POST", headers: bearer(daemon), body: text });
    expect(called).toMatchObject({ status, body: { error: { code } } });
  });

  it("takes no body that is too long", async () => {
    const daemon = await open(temporaryFolder(), null, SERVED);
    const how = { method: "POST", headers: bearer(daemon), body: " ".repeat(1_000_000) };
    const outcome = await call(daemon, "/api/snapshots-take", how).catch((error: NodeJS.ErrnoException) => error.code);
    // What is still on its way when the connection ends may take the answer with it.
    expect([413, "ECONNRESET", "EPIPE"]).toContain(typeof outcome === "object" ? outcome.status : outcome);
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(1);
  });

  it("lists the newest samples, as they came, and the live state as a model file", async () => {
    const yaml = "models: { default: { categorical: { x2: [red, green] } } }";
    const daemon = await open(temporaryFolder(), yaml, SERVED);
    const client = await connectTo(daemon);
    const rows =
      '[{"x1":1,"x2":"red","y":0},{"id":"q","x1":5,"x2":"red"},{"x1":2,"x2":"green","y":1},{"x1":null,"x2":"red","y":1}]';
    await client.publishAsync("rivulet/default/sample", rows, { qos: 1 });
    const recent = (await call(daemon, "/api/recent?count=2")).body as Recent;
    expect(recent).toEqual({
      model: "default",
      features: ["x1", "x2"],
      label: "y",
      samples: [
        { sequence: 3, features: [2, "green"], label: 1 },
        { sequence: 4, features: [null, "red"], label: 1 },
      ],
    });
    expect(((await call(daemon, "/api/recent")).body as Recent).samples.map(({ sequence }) => sequence)).toEqual([
      1, 3, 4,
    ]);
    const taken = (await order(daemon, "snapshots-take")).body as { id: number };
    const stored = await ask(daemon, "snapshots-export", { snapshot: String(taken.id) });
    expect((await call(daemon, "/api/model")).body).toEqual(stored);
    expect((await call(daemon, "/api/model?id=1")).body).not.toEqual(stored);
  });
});

describe("the daemon with HTTP", () => {
  it("makes a token that only its user can read, once", async () => {
    const data = temporaryFolder();
    const daemon = await open(data, null, SERVED);
    const { url, token, port } = daemon.http ?? { url: "", token: "", port: 0 };
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect(token.length).toBeGreaterThanOrEqual(40);
    expect(statSync(join(data, "token")).mode & 0o777).toBe(0o600);
    await daemon.close();
    expect((await open(data, null, SERVED)).http?.token).toBe(token);
  });

  it("takes the token from a file of the operator's, and none that is easily guessed", async () => {
    const data = temporaryFolder();
    const file = join(data, "secret");
    const set = [...SERVED, `http.tokenFile=${file}`];
    await expect(open(data, null, set)).rejects.toMatchObject({ code: "file-unreadable" });
    writeFileSync(file, "short\n");
    await expect(open(data, null, set)).rejects.toMatchObject({ code: "config-invalid" });
    writeFileSync(file, "a-token-of-the-operator\n");
    expect((await open(data, null, set)).http?.token).toBe("a-token-of-the-operator");
  });

  it("says that its port is taken, and leaves nothing open", async () => {
    const first = await open(temporaryFolder(), null, SERVED);
    const data = temporaryFolder();
    const set = [`http.port=${first.http?.port}`];
    await expect(open(data, null, set)).rejects.toMatchObject({
      code: "port-in-use",
      hint: expect.stringMatching(/--set http\.port=\d+.*--set http\.port=off/),
    });
    await first.close();
    expect((await open(data, null, set)).http?.port).toBe(first.http?.port);
  });

  it("says that its address is none of this machine's", async () => {
    const set = [...SERVED, "http.host=203.0.113.1", "http.insecure=true"];
    await expect(open(temporaryFolder(), null, set)).rejects.toMatchObject({ code: "http-failed" });
  });

  it("serves none where it is off", async () => {
    expect((await open(temporaryFolder())).http).toBeNull();
  });

  it("goes on through a reload, which takes other host names at once and another port at the next start", async () => {
    const data = temporaryFolder();
    let set = ["mqtt.port=0", "http.port=0"];
    const reread = () => checkConfigText(null, { data, set });
    const daemon = await openDaemon({ config: parseConfig(null, { data, set }), log: silentLog, listen: true, reread });
    onEnd(() => daemon.close());
    const { told } = await listen(daemon);
    const headers = { host: "pi.lan" };
    expect((await call(daemon, "/", { headers })).status).toBe(403);
    set = ["mqtt.port=0", "http.port=1", 'http.hosts=["pi.lan"]'];
    expect(await daemon.reload()).toMatchObject({ changed: ["http.hosts"], waiting: ["http.port"], failure: null });
    expect((await call(daemon, "/no-such-page", { headers })).status).toBe(404);
    await order(daemon, "rollback", { snapshot: "1" });
    await eventually(() => told.map(({ event }) => event)).toContain("rollback");
  });

  it("ends what is open when it stops", async () => {
    const daemon = await learned();
    const { ended } = await listen(daemon);
    await daemon.close();
    await eventually(ended).toBe(true);
    await expect(call(daemon, "/health")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it.skipIf(!programs.openssl)("speaks TLS where it has a certificate", async () => {
    const folder = temporaryFolder();
    makeCertificates(folder);
    const set = [...SERVED, `http.certFile=${join(folder, "server.pem")}`];
    const key = `http.keyFile=${join(folder, "server-key.pem")}`;
    const daemon = await open(temporaryFolder(), null, [...set, key, "http.host=0.0.0.0"]);
    const { url = "", port = 0 } = daemon.http ?? {};
    expect(url).toBe(`https://0.0.0.0:${port}`);
    const ca = readFileSync(join(folder, "ca.pem"));
    const asking = get({ host: "127.0.0.1", port, path: "/health", ca, agent: false });
    const [answer] = (await once(asking, "response")) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    answer.destroy();
    await expect(call(daemon, "/health")).rejects.toThrow();
    const garbage = `http.keyFile=${join(folder, "names.cnf")}`;
    await expect(open(temporaryFolder(), null, [...set, garbage])).rejects.toMatchObject({ code: "http-failed" });
    const missing = `http.keyFile=${join(folder, "none.pem")}`;
    await expect(open(temporaryFolder(), null, [...set, missing])).rejects.toMatchObject({ code: "file-unreadable" });
  });

  it("is healthy while it learns, and ready while it reaches its broker", async () => {
    const daemon = await open(temporaryFolder(), null, SERVED);
    expect(await call(daemon, "/health")).toMatchObject({ status: 200, body: { status: "ok" } });
    expect(await call(daemon, "/ready")).toMatchObject({ status: 200, body: { status: "ok" } });
    const lonely = await open(temporaryFolder(), null, [...SERVED, "mqtt.broker=mqtt://127.0.0.1:1"]);
    expect((await call(lonely, "/health")).status).toBe(200);
    const { status, body } = await call(lonely, "/ready");
    expect({ status, body }).toMatchObject({ status: 503, body: { reason: expect.stringContaining("127.0.0.1:1") } });
  });
});

/** Takes out what changes from one moment to the next. */
function steady(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (key, value) => (/^(pid|seconds|says|messages|createdAt)$/.test(key) ? null : value)),
  );
}

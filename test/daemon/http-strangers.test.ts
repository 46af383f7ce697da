// Who must not get in: other machines without the token, and web pages in the browser of somebody who may.

import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import { GUARDED, MUTATING, VERBS } from "../../src/daemon/verbs.ts";
import { bearer, type Call, call } from "./call.ts";
import { ask, eventually, onEnd, open, temporaryFolder } from "./open.ts";

const ORDERS = [...MUTATING, ...GUARDED];
const QUERIES = VERBS.filter((verb) => !ORDERS.includes(verb));
const PATHS = [
  ...QUERIES.map((verb) => `/api/${verb}`),
  "/api/events",
  "/api/openapi.json",
  "/api/none",
  "/health",
  "/ready",
  "/metrics",
];

/** Finds an address of this machine by which others reach it. */
const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

function served(set: readonly string[] = []): Promise<Daemon> {
  return open(temporaryFolder(), null, ["http.port=0", ...set]);
}

/** Expects that nothing of all there is can be done by such a caller, and that nothing was. */
async function expectNothing(daemon: Daemon, how: Call, status: number, code: string): Promise<void> {
  const calls: [string, Call][] = [
    ...PATHS.map((path): [string, Call] => [path, how]),
    ...PATHS.map((path): [string, Call] => [path, { ...how, method: "HEAD" }]),
    ...VERBS.map((verb): [string, Call] => [`/api/${verb}`, { ...how, method: "POST", body: '{"snapshot":"1"}' }]),
    ["/api/rollback", { ...how, method: "PUT" }],
    ["/api/rollback", { ...how, method: "DELETE" }],
    ["/api/rollback", { ...how, method: "OPTIONS" }],
  ];
  for (const [path, one] of calls) {
    const called = await call(daemon, path, one);
    expect({ path, method: one.method, status: called.status }).toEqual({ path, method: one.method, status });
    expect(Object.keys(called.headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
    if (one.method !== "HEAD") expect(called.body).toMatchObject({ error: { code } });
  }
  expect(await ask(daemon, "snapshots-list", {})).toHaveLength(1);
}

describe("a caller from another address", () => {
  it("can do nothing without the token", async () => {
    const daemon = await served(["http.host=0.0.0.0", "http.insecure=true"]);
    await expectNothing(daemon, { from: "127.0.0.2" }, 401, "token-needed");
    expect((await call(daemon, "/no-such-page", { from: "127.0.0.2" })).status).toBe(404);
  });

  it.skipIf(outside === undefined)("can do nothing by the address that others see either", async () => {
    const daemon = await served(["http.host=0.0.0.0", "http.insecure=true"]);
    const how = outside === undefined ? {} : { from: outside, to: outside };
    await expectNothing(daemon, how, 401, "token-needed");
    const headers = bearer(daemon);
    expect((await call(daemon, "/api/status", { ...how, headers })).status).toBe(200);
    const taken = await call(daemon, "/api/snapshots-take", { ...how, headers, method: "POST" });
    expect(taken).toMatchObject({ status: 200, body: { id: 2 } });
  });

  it("is one for whom a proxy on this machine speaks", async () => {
    const daemon = await served();
    for (const name of ["forwarded", "x-forwarded-for", "x-real-ip"]) {
      const headers = { [name]: "127.0.0.1" };
      expect((await call(daemon, "/api/status", { headers })).status).toBe(401);
    }
  });

  it("gets in with no other token, and is not listened to after ten of them", async () => {
    const daemon = await served(["http.host=0.0.0.0", "http.insecure=true"]);
    const { token = "" } = daemon.http ?? {};
    const attempt = (authorization: string, from = "127.0.0.2") =>
      call(daemon, "/api/status", { from, headers: { authorization } });
    const wrong = [
      "Bearer",
      "Bearer ",
      "Bearer x",
      `Bearer ${token.slice(1)}`,
      `Bearer ${token}x`,
      `Bearer ${token.toUpperCase()}`,
      `Basic ${token}`,
      token,
      `Bearer x ${token}`,
      `Bearer ${"x".repeat(10_000)}`,
    ];
    for (const one of wrong) expect((await attempt(one)).status, one).toBe(401);
    const late = await attempt(`Bearer ${token}`);
    expect(late).toMatchObject({ status: 429, body: { error: { code: "too-many-attempts" } } });
    expect(Number(late.headers["retry-after"])).toBeGreaterThan(0);
    expect((await attempt(`Bearer ${token}`, "127.0.0.3")).status).toBe(200);
    expect((await call(daemon, "/api/status")).status).toBe(200);
  });
});

describe("a caller from this machine", () => {
  it("may look, and change nothing without the token", async () => {
    const daemon = await served();
    for (const path of ["/api/status", "/health", "/ready", "/metrics", "/api/openapi.json"]) {
      expect((await call(daemon, path)).status, path).toBe(200);
    }
    for (const verb of ORDERS) {
      const { status, headers, body } = await call(daemon, `/api/${verb}`, { method: "POST" });
      expect({ verb, status, body }).toMatchObject({ verb, status: 401, body: { error: { code: "token-needed" } } });
      expect(headers["www-authenticate"]).toBe("Bearer");
    }
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(1);
  });
});

describe("a web page of another origin", () => {
  const STRANGE = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };

  it.each<[string, Record<string, string>]>([
    ["that its browser tells of", STRANGE],
    ["on another port of this machine", { "sec-fetch-site": "same-site", origin: "http://127.0.0.1:3000" }],
    ["in an old browser", { origin: "https://evil.example" }],
    ["without an origin", { origin: "null" }],
    ["that shows it as a picture", { "sec-fetch-site": "cross-site" }],
    ["that sends it a form", { ...STRANGE, "content-type": "text/plain" }],
  ])("%s can do nothing", async (_, headers) => {
    await expectNothing(await served(), { headers }, 403, "forbidden");
  });

  it("can do nothing even where it knows the token", async () => {
    const daemon = await served();
    await expectNothing(daemon, { headers: { ...bearer(daemon), ...STRANGE } }, 403, "forbidden");
  });

  it.each(["evil.example", "evil.example:8787", "127.0.0.1.evil.example", "localhost.", "[evil]", "127.0.0.1@evil"])(
    "whose name %j was made to lead here can do nothing",
    async (host) => {
      const daemon = await served();
      const headers = { ...bearer(daemon), host, origin: `http://${host}`, "sec-fetch-site": "same-origin" };
      await expectNothing(daemon, { headers }, 403, "forbidden");
      expect((await call(daemon, "/no-such-page", { headers: { host } })).status).toBe(403);
    },
  );

  it("cannot show the dashboard in a frame, nor learn who is there", async () => {
    const { headers } = await call(await served(), "/");
    expect(headers).toMatchObject({
      "content-security-policy": expect.stringContaining("frame-ancestors 'none'"),
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
    });
  });

  it("is refused a form in the type that needs no asking, from the right origin too", async () => {
    const daemon = await served();
    const types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""];
    for (const type of types) {
      const headers = { ...bearer(daemon), "content-type": type };
      const how = { method: "POST", headers, body: '{"name":"default"}' };
      expect((await call(daemon, "/api/snapshots-take", how)).status, type).toBe(400);
    }
    expect(await ask(daemon, "snapshots-list", {})).toHaveLength(1);
  });
});

describe("the names of the daemon", () => {
  it.each(["localhost", "LOCALHOST:1234", "127.0.0.1", "[::1]:8787", "192.0.2.7", "[2001:db8::1]:8787"])(
    "are those of this machine, and plain addresses: %s",
    async (host) => expect((await call(await served(), "/no-such-page", { headers: { host } })).status).toBe(404),
  );

  it("are those that the configuration lists; who uses them is no caller from this machine", async () => {
    const daemon = await served(['http.hosts=["pi.lan"]']);
    const headers = { host: "pi.lan:8787" };
    expect((await call(daemon, "/no-such-page", { headers })).status).toBe(404);
    expect((await call(daemon, "/api/status", { headers })).status).toBe(401);
    const allowed = { ...bearer(daemon), ...headers, origin: "http://pi.lan:8787", "sec-fetch-site": "same-origin" };
    expect((await call(daemon, "/api/status", { headers: allowed })).status).toBe(200);
  });
});

describe("too many connections", () => {
  it("end the last ones", async () => {
    const daemon = await served();
    const port = daemon.http?.port ?? 0;
    let ended = 0;
    const sockets: Socket[] = Array.from({ length: 140 }, () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.once("close", () => ended++);
      return socket;
    });
    onEnd(() => {
      for (const socket of sockets) socket.destroy();
    });
    await eventually(() => ended).toBeGreaterThanOrEqual(12);
    for (const socket of sockets) socket.destroy();
    await eventually(() =>
      call(daemon, "/health").then(
        ({ status }) => status,
        () => 0,
      ),
    ).toBe(200);
  });

  it("ends a request that is none", async () => {
    const daemon = await served();
    const socket = connect(daemon.http?.port ?? 0, "127.0.0.1");
    onEnd(() => socket.destroy());
    let text = "";
    socket.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    socket.write("GET http://[/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await eventually(() => text).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect((await call(daemon, "/health")).status).toBe(200);
  });
});

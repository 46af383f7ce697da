import { describe, expect, it } from "vitest";
import { z } from "zod";
import { checkParams, GUARDED, MUTATING, schemaOf, VERBS } from "../../src/daemon/verbs.ts";
import { openApiDocument } from "../../src/http/openapi.ts";
import { readQuery } from "../../src/http/query-params.ts";

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];

type Schema = Parameters<typeof z.fromJSONSchema>[0];

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly securitySchemes: object };
}

const orders = [...MUTATING, ...GUARDED];
const verbs = VERBS.map((name) => ({ name, isMutating: orders.includes(name), schema: schemaOf(name) }));
const document = JSON.parse(JSON.stringify(openApiDocument("1.2.3", verbs))) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

/** Finds every reference in a document. */
function references(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "$ref" in value && typeof value.$ref === "string" ? [value.$ref] : [];
  return [...own, ...Object.values(value).flatMap(references)];
}

describe("the OpenAPI document", () => {
  it("is one of version 3.1 that describes every verb once", () => {
    expect(document).toMatchObject({ openapi: "3.1.0", info: { title: "Rivulet", version: "1.2.3" } });
    for (const verb of VERBS) {
      const item = document.paths[`/api/${verb}`] ?? {};
      expect([verb, Object.keys(item).sort()]).toEqual([verb, orders.includes(verb) ? ["post"] : ["get", "post"]]);
    }
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, method, operation } of operations) {
      expect(path).toMatch(/^\/[a-z0-9./-]+$/);
      expect(METHODS).toContain(method);
      expect(Object.keys(operation.responses).length).toBeGreaterThan(0);
      for (const [status, { description }] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^([1-5]\d\d|default)$/);
        expect(description).not.toBe("");
      }
      const names = (operation.parameters ?? []).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      if (method === "post") expect(operation.security).toEqual([{ token: [] }]);
    }
  });

  it("refers to nothing that it does not hold", () => {
    const found = references(document);
    expect(found.length).toBeGreaterThan(0);
    for (const reference of found) {
      let there: unknown = document;
      for (const step of reference.replace(/^#\//, "").split("/")) there = (there as Record<string, unknown>)[step];
      expect(there, reference).toBeTypeOf("object");
    }
  });

  it.each<[string, Record<string, unknown>]>([
    ["history", { from: 3, points: 10 }],
    ["history", { points: 0 }],
    ["history", { points: 1.5 }],
    ["history", { points: "10" }],
    ["history", { poinst: 10 }],
    ["snapshots-show", {}],
    ["snapshots-show", { snapshot: "" }],
    ["snapshots-show", { snapshot: "best" }],
    ["snapshots-tag", { snapshot: "1", tag: "good" }],
    ["snapshots-tag", { snapshot: "1" }],
    ["rollback", { name: "default", snapshot: "1" }],
    ["journal-export", { format: "csv" }],
    ["journal-export", { format: "xml" }],
    ["recent", { count: 1000 }],
    ["recent", { count: 1001 }],
    ["importance", { seed: -1 }],
    ["backtest", { snapshots: ["1", "2"], last: 5 }],
    ["backtest", { snapshots: [] }],
    ["status", {}],
    ["status", { verbose: true }],
  ])("takes and refuses what the daemon takes and refuses: %s %j", (verb, given) => {
    const { get, post } = document.paths[`/api/${verb}`] ?? {};
    const isTaken = () => {
      try {
        checkParams(verb, given);
        return true;
      } catch {
        return false;
      }
    };
    const taken = isTaken();
    const body = z.fromJSONSchema(post?.requestBody?.content["application/json"]?.schema ?? {});
    expect(body.safeParse(given).success).toBe(taken);
    if (get === undefined) return;
    const parameters = get.parameters ?? [];
    const query = Object.entries(given).every(([key, value]) => {
      const parameter = parameters.find(({ name }) => name === key);
      return parameter !== undefined && z.fromJSONSchema(parameter.schema).safeParse(value).success;
    });
    const isWhole = parameters.every(({ name, required }) => !required || Object.hasOwn(given, name));
    expect(query && isWhole).toBe(taken);
  });
});

describe("a query string", () => {
  it.each<[string, string, unknown]>([
    ["history", "", {}],
    ["history", "name=a&from=0&points=1e2", { name: "a", from: 0, points: 100 }],
    ["history", "points=ten&name=5", { points: "ten", name: "5" }],
    ["history", "points=", { points: "" }],
    ["history", "points=Infinity", { points: "Infinity" }],
    ["history", "other=5", { other: "5" }],
    ["snapshots-show", "snapshot=12", { snapshot: "12" }],
    ["predict", "values=1&values=&values=red&values=%20-2.5", { values: [1, null, "red", -2.5] }],
    ["predict", "values=1", { values: [1] }],
    ["backtest", "snapshots=12&snapshots=best", { snapshots: ["12", "best"] }],
  ])("of %s, %j, is read as its schema wants it", (verb, query, params) => {
    expect({ ...readQuery(schemaOf(verb), new URLSearchParams(query)) }).toEqual(params);
  });

  it("names each parameter once, lists apart", () => {
    expect(() => readQuery(schemaOf("history"), new URLSearchParams("from=1&from=2"))).toThrow("2 times");
  });
});

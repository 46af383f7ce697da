import type { VerbEntry } from "./app.ts";
import { shapeOf } from "./query-params.ts";

const ERROR = { $ref: "#/components/schemas/Error" };
const SECURED = [{ token: [] }];

/** Writes the OpenAPI document of the API, from the very schemas that check what is asked. */
export function openApiDocument(version: string, verbs: readonly VerbEntry[]): unknown {
  const paths: Record<string, unknown> = {};
  for (const { name, isMutating, schema } of verbs) {
    const shape = shapeOf(schema);
    const body = {
      post: {
        operationId: isMutating ? name : `${name}-by-body`,
        security: SECURED,
        requestBody: { content: { "application/json": { schema: shape } } },
        responses: responses(),
      },
    };
    paths[`/api/${name}`] = isMutating ? body : { get: query(name, shape), ...body };
  }
  paths["/api/events"] = {
    get: {
      operationId: "events",
      responses: { 200: { description: "server-sent events", content: { "text/event-stream": {} } } },
    },
  };
  for (const name of ["health", "ready", "metrics"]) {
    paths[`/${name}`] = {
      get: { operationId: name, responses: { 200: { description: name }, 503: { description: "not so" } } },
    };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Rivulet", version, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/" }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        Error: {
          type: "object",
          required: ["error"],
          properties: {
            error: {
              type: "object",
              required: ["code", "message"],
              properties: {
                code: { type: "string" },
                message: { type: "string" },
                hint: { type: "string" },
              },
            },
          },
        },
      },
    },
  };
}

function query(name: string, shape: ReturnType<typeof shapeOf>): unknown {
  const required = "required" in shape && Array.isArray(shape.required) ? shape.required : [];
  const parameters = Object.entries(shape.properties ?? {}).map(([key, schema]) => ({
    name: key,
    in: "query",
    required: required.includes(key),
    schema,
  }));
  return { operationId: name, security: [{}, ...SECURED], parameters, responses: responses() };
}

function responses(): unknown {
  return {
    200: { description: "the answer", content: { "application/json": {} } },
    default: { description: "a refusal", content: { "application/json": { schema: ERROR } } },
  };
}

import { describe, expect, it } from "vitest";
import { parseTopic } from "../../src/sample/topic.ts";

describe("a topic", () => {
  it.each([
    ["rivulet", "rivulet/default/sample", { kind: "sample", model: "default", source: null }],
    ["rivulet", "rivulet/a-1/sample/pump.7", { kind: "sample", model: "a-1", source: "pump.7" }],
    ["a/b/c", "a/b/c/default/sample", { kind: "sample", model: "default", source: null }],
    ["rivulet", "rivulet/default/f32", { kind: "packed", model: "default", precision: "f32", number: null }],
    ["rivulet", "rivulet/default/f64", { kind: "packed", model: "default", precision: "f64", number: null }],
    [
      "rivulet",
      "rivulet/default/f64/pump/e_1/17",
      { kind: "packed", model: "default", precision: "f64", number: { source: "pump", epoch: "e_1", seq: 17 } },
    ],
  ])("below %s is read: %s", (prefix, topic, read) => {
    expect(parseTopic(prefix, topic)).toEqual(read);
  });

  it.each([
    ["other/default/sample", null],
    ["rivulet", null],
    ["rivulet/", null],
    ["rivulets/default/sample", null],
    ["rivulet/Default/sample", null],
    [`rivulet/${"a".repeat(41)}/sample`, null],
    ["rivulet/default", "default"],
    ["rivulet/default/", "default"],
    ["rivulet/default/other", "default"],
    ["rivulet/default/sample/", "default"],
    ["rivulet/default/sample/a b", "default"],
    [`rivulet/default/sample/${"s".repeat(65)}`, "default"],
    ["rivulet/default/sample/s/e", "default"],
    ["rivulet/default/f32/s", "default"],
    ["rivulet/default/f32/s/e", "default"],
    ["rivulet/default/f32/s//1", "default"],
    ["rivulet/default/f32/s/e/", "default"],
    ["rivulet/default/f32/s/e/-1", "default"],
    ["rivulet/default/f32/s/e/1.5", "default"],
    ["rivulet/default/f32/s/e/9007199254740992", "default"],
    ["rivulet/default/f32/s/e/1/2", "default"],
  ])("that means nothing is unknown, with the model if it names one: %s", (topic, model) => {
    expect(parseTopic("rivulet", topic)).toEqual({ kind: "unknown", model, detail: expect.stringMatching(/./) });
  });
});

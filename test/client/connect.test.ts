import { describe, expect, it } from "vitest";
import { addressOf } from "../../src/client/connect.ts";

describe("the address of a broker", () => {
  it.each([
    ["mqtt://127.0.0.1:1884", { protocol: "mqtt", host: "127.0.0.1", port: 1884 }],
    ["mqtts://broker.local", { protocol: "mqtts", host: "broker.local" }],
    ["mqtt://[::1]:1883", { protocol: "mqtt", host: "::1", port: 1883 }],
    ["mqtt://raspi-küche.local:80/", { protocol: "mqtt", host: "xn--raspi-kche-geb.local", port: 80 }],
    ["mqtt://me:p%40ss@host", { protocol: "mqtt", host: "host", username: "me", password: "p@ss" }],
    ["mqtt://a%zz", { protocol: "mqtt", host: "a%zz" }],
  ])("%s", (url, parts) => {
    expect(addressOf(url)).toEqual(parts);
  });

  it.each(["localhost", "localhost:1883", "http://host", "ws://host/mqtt", "mqtt://", "mqtt:///x", ""])(
    "%s is none",
    (url) => {
      expect(() => addressOf(url)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );
});

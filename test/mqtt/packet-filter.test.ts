import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Oversized, PacketFilter } from "../../src/mqtt/packet-filter.ts";

const BYTES_MAX = 1000;
const ping = Buffer.from([0xc0, 0]);

/** Makes a PUBLISH on the topic `t/u`. */
function publish(payload: Buffer, qos: 0 | 1 | 2): Buffer {
  const body = Buffer.concat([Buffer.from([0, 3, 0x74, 0x2f, 0x75, ...(qos === 0 ? [] : [1, 2])]), payload]);
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest % 0x80) + (rest >= 0x80 ? 0x80 : 0));
    rest = Math.floor(rest / 0x80);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([0x30 | (qos << 1), ...length]), body]);
}

function run(stream: Buffer, cut: number): { kept: Buffer; told: Oversized[]; hopeless: number[] } {
  const told: Oversized[] = [];
  const hopeless: number[] = [];
  const filter = new PacketFilter({
    protocolVersion: 4,
    bytesMax: BYTES_MAX,
    onOversized: (oversized) => told.push(oversized),
    onHopeless: (bytes) => hopeless.push(bytes),
  });
  const kept: Buffer[] = [];
  for (let at = 0; at < stream.length; at += cut) kept.push(filter.filter(stream.subarray(at, at + cut)));
  return { kept: Buffer.concat(kept), told, hopeless };
}

describe("the packet filter", () => {
  it("passes what is within the limit untouched and takes out what is not, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            bytes: fc.oneof(fc.integer({ min: 0, max: 990 }), fc.integer({ min: 1000, max: 40_000 })),
            qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
          }),
          { maxLength: 12 },
        ),
        fc.integer({ min: 1, max: 3000 }),
        (sizes, cut) => {
          const packets = sizes.map(({ bytes, qos }, i) => ({ payload: Buffer.alloc(bytes, i + 1), qos }));
          const isGood = ({ payload }: { payload: Buffer }) => payload.length <= 990;
          const { kept, told, hopeless } = run(
            Buffer.concat(packets.map(({ payload, qos }) => publish(payload, qos))),
            cut,
          );
          const good = packets.filter(isGood).map(({ payload, qos }) => publish(payload, qos));
          expect(kept.equals(Buffer.concat(good))).toBe(true);
          expect(hopeless).toEqual([]);
          expect(told).toEqual(
            packets
              .filter((packet) => !isGood(packet))
              .map(({ payload, qos }) => ({
                topic: "t/u",
                qos,
                identifier: qos === 0 ? 0 : 0x0102,
                payloadBytes: payload.length,
                sha256: createHash("sha256").update(payload).digest("hex"),
                head: new Uint8Array(payload.subarray(0, 4096)),
              })),
          );
        },
      ),
    );
  });

  it("takes out messages of QoS 0 and 1 in order, and passes the rest untouched, however the stream is cut", () => {
    const packet = fc.oneof(
      fc.record({
        bytes: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 990 })),
        qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
      }),
      fc.constant("ping" as const),
    );
    fc.assert(
      fc.property(
        fc.array(packet, { maxLength: 12 }),
        fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 3000 })),
        (packets, cut) => {
          const told: [number, string][] = [];
          const filter = new PacketFilter({
            protocolVersion: 4,
            bytesMax: BYTES_MAX,
            onOversized: () => {},
            onHopeless: () => {},
            take: {
              isReady: () => true,
              onPublish: ({ topic, qos, identifier, payload }) => {
                expect([topic, identifier]).toEqual(["t/u", qos === 0 ? 0 : 0x0102]);
                told.push([qos, payload.toString("hex")]);
              },
            },
          });
          const passed: Buffer[] = [];
          const wanted: [number, string][] = [];
          const stream = packets.map((one, i) => {
            if (one === "ping") {
              passed.push(ping);
              return ping;
            }
            const payload = Buffer.alloc(one.bytes, i + 1);
            if (one.qos === 2) passed.push(publish(payload, 2));
            else wanted.push([one.qos, payload.toString("hex")]);
            return publish(payload, one.qos);
          });
          const whole = Buffer.concat(stream);
          const kept: Buffer[] = [];
          for (let at = 0; at < whole.length; at += cut) kept.push(filter.filter(whole.subarray(at, at + cut)));
          expect(Buffer.concat(kept).equals(Buffer.concat(passed))).toBe(true);
          expect(told).toEqual(wanted);
        },
      ),
    );
  });

  it("hands the very same buffer on where nothing is amiss", () => {
    const filter = new PacketFilter({
      protocolVersion: 4,
      bytesMax: BYTES_MAX,
      onOversized: () => {},
      onHopeless: () => {},
    });
    const bytes = Buffer.concat([publish(Buffer.alloc(10), 1), publish(Buffer.alloc(500), 0)]);
    expect(filter.filter(bytes)).toBe(bytes);
  });

  it("gives up on what is no PUBLISH, and passes nothing after it", () => {
    const subscribe = Buffer.from([0x82, 0xff, 0xff, 0x7f]);
    const { kept, hopeless } = run(
      Buffer.concat([publish(Buffer.alloc(3), 0), subscribe, publish(Buffer.alloc(3), 0)]),
      7,
    );
    expect(hopeless).toEqual([2_097_151]);
    expect(kept.equals(publish(Buffer.alloc(3), 0))).toBe(true);
  });
});

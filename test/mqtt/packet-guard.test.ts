import fc from "fast-check";
import { expect, it } from "vitest";
import { PacketGuard } from "../../src/mqtt/packet-guard.ts";

/** Makes a PUBLISH at QoS 0 on the topic `t`. */
function packet(payloadBytes: number): Buffer {
  const length: number[] = [];
  let rest = payloadBytes + 3;
  do {
    length.push((rest % 0x80) + (rest >= 0x80 ? 0x80 : 0));
    rest = Math.floor(rest / 0x80);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([0x30, ...length, 0, 1, 0x74]), Buffer.alloc(payloadBytes)]);
}

it("passes packets up to the limit however the stream is cut, and tells the first one beyond it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 20 }),
      fc.integer({ min: 1001, max: 400_000 }),
      fc.integer({ min: 1, max: 700 }),
      (sizes, large, cut) => {
        const guard = new PacketGuard(1000);
        const good = Buffer.concat(sizes.map(packet));
        for (let at = 0; at < good.length; at += cut) expect(guard.take(good.subarray(at, at + cut))).toBeNull();
        const bad = packet(large);
        let told: number | null = null;
        let taken = 0;
        for (let at = 0; at < bad.length && told === null; at += cut) {
          told = guard.take(bad.subarray(at, at + cut));
          taken = at;
        }
        expect(told).toBe(large + 3);
        expect(taken).toBeLessThan(5 + cut);
      },
    ),
  );
});

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { guardSocket } from "../../src/mqtt/embedded-socket.ts";

const ends: (() => unknown)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: false }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const client = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
  const [[accepted]] = (await Promise.all([once(server, "connection"), once(client, "connect")])) as [
    [Socket],
    unknown,
  ];
  ends.push(
    () => client.destroy(),
    () => accepted.destroy(),
    () => server.close(),
  );
  return [client, accepted];
}

function publishPacket(payload: string): Buffer {
  const body = Buffer.concat([Buffer.from([0, 1]), Buffer.from("t"), Buffer.from(payload)]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

const PINGREQ = Buffer.from([0xc0, 0]);

describe("a guarded socket", () => {
  it("gives aedes nothing where it took everything, for what is empty would stay in aedes's memory", async () => {
    const [client, accepted] = await socketPair();
    const taken: string[] = [];
    guardSocket(accepted, {
      payloadBytesMax: 1000,
      isConnected: () => true,
      onPublish: ({ payload }) => taken.push(Buffer.from(payload).toString()),
      onPublished: () => {},
      onOversized: () => {},
      onHopeless: () => {},
      onStalled: () => {},
    });
    const read: (Buffer | null)[] = [];
    accepted.on("readable", () => {
      read.push(accepted.read() as Buffer | null);
    });
    for (let i = 0; i < 20; i++) {
      client.write(publishPacket(String(i)));
      await expect.poll(() => taken.length).toBe(i + 1);
    }
    client.write(Buffer.concat([publishPacket("20"), PINGREQ]));
    await expect.poll(() => taken.length).toBe(21);
    expect(Buffer.concat(read.filter((bytes) => bytes !== null))).toEqual(PINGREQ);
    expect(read.filter((bytes) => bytes?.length === 0)).toEqual([]);
  });
});

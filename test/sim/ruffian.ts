// A client that does not behave: it sends garbage, leaves in the middle of a packet, announces what never comes, and waits
// for no answer. Of what it sent whole, nobody knows whether it arrived; it must not arrive more often than it was sent.

import { connect, type Socket } from "node:net";
import { oneIn, pick } from "./draw.ts";
import { written } from "./forms.ts";
import { Link } from "./link.ts";
import { connectPacket, PINGREQ, packet, publishPacket, pubrelPacket } from "./packets.ts";
import type { Sender, SenderOptions } from "./sender.ts";
import { Tally } from "./tally.ts";

const PAUSE_MS = 30;
const GARBAGE = [
  "{",
  "[[[[",
  '{"x1":1e999}',
  '{"x1":1,"x2":2}',
  '{"__proto__":1}',
  "\u0000",
  '{"x1":"1","x2":1,"y":1}',
  '{"x1":[1,2],"x2":[1],"y":1}',
  '{"x1":1,"x2":1,"y":1,"source":"s","epoch":"","seq":1}',
  '\ufeff{"x1":1,"x2":1,"y":3}',
];
const TOPICS = ["sample", "sample", "sample/a", "f32", "f64", "f64/a/b/c"];
/** Where only the daemon speaks; its own broker lets nobody else. */
const FORBIDDEN = ["state", "committed/source-1", "event/x"];

export interface RuffianOptions extends SenderOptions {
  /** Whether it is the daemon's own broker. */
  readonly isEmbedded: boolean;
}

/** Sends garbage over a decent connection, and the rest over connections that it breaks. */
export class Ruffian implements Sender {
  readonly link: Link;
  readonly options: RuffianOptions;
  paused = false;
  readonly settled = true;
  refusable = 0;
  refusableAcknowledged = 0;
  last = 0;
  readonly sent = new Tally();
  readonly #port: number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #sockets = new Set<Socket>();
  #stopped = false;

  constructor(options: RuffianOptions) {
    this.options = options;
    this.#port = Number(new URL(options.url).port);
    this.link = new Link({ url: options.url, topics: [], onOnline: () => {}, onMessage: () => {} });
    this.#timer = setInterval(() => this.#pump(), PAUSE_MS);
  }

  stop(): void {
    this.#stopped = true;
  }

  end(): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
    this.link.end();
  }

  #pump(): void {
    if (!this.link.online || this.paused || this.#stopped) return;
    if (oneIn(this.options.random, 3)) this.#breakOff();
    else this.#sendGarbage();
  }

  #sendGarbage(): void {
    const { random, qos, model, isEmbedded } = this.options;
    const bytes = Buffer.from(Array.from({ length: 4 + (random.uint32() % 40) }, () => random.uint32() & 0xff));
    const payload = oneIn(random, 2) ? bytes : pick(random, GARBAGE);
    this.refusable++;
    // Rows of a packed model could be made of bytes by chance, where their number fits.
    const topic = payload === bytes ? "sample" : pick(random, isEmbedded ? [...TOPICS, ...FORBIDDEN] : TOPICS);
    this.link.publish(`rivulet/${pick(random, [model.name, "nobody"])}/${topic}`, payload, qos, () => {
      this.refusableAcknowledged++;
    });
  }

  #breakOff(): void {
    const { random } = this.options;
    const socket = connect(this.#port, "127.0.0.1");
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.resume();
    socket.on("connect", () => {
      const bytes = Buffer.concat([connectPacket(`ruffian-${random.uint32()}`), this.#bytes()]);
      // In two pieces, so that a packet may be cut anywhere between two reads as well.
      const cut = random.uint32() % bytes.length;
      socket.write(bytes.subarray(0, cut));
      setImmediate(() => {
        socket.write(bytes.subarray(cut));
        if (oneIn(random, 2)) socket.end();
        else setTimeout(() => socket.resetAndDestroy(), random.uint32() % 20);
      });
    });
  }

  /** Gives some packets and what is none, the last one often cut. */
  #bytes(): Buffer {
    const { random } = this.options;
    const one = (): Buffer => {
      switch (random.uint32() % 7) {
        case 0:
          return PINGREQ;
        case 1:
          return pubrelPacket(random.uint32() & 0xffff);
        case 2:
          // What it announces never comes.
          return packet(0x32, [Buffer.alloc(random.uint32() % 50)], 200_000_000);
        default:
          return this.#rows();
      }
    };
    const bytes = Buffer.concat(Array.from({ length: 1 + (random.uint32() % 4) }, one));
    return oneIn(random, 2) ? bytes.subarray(0, random.uint32() % bytes.length) : bytes;
  }

  #rows(): Buffer {
    const { random, model, index } = this.options;
    const first = this.last + 1;
    this.last += 1 + (random.uint32() % 3);
    for (let number = first; number <= this.last; number++) this.sent.add(number);
    const { topic, payload } = written(random, { model, sender: index, first, last: this.last }, null, false);
    return publishPacket(topic, payload, pick(random, [0, 1, 2]), 1 + (random.uint32() % 1000));
  }
}

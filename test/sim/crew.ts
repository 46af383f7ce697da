import { Commander } from "./commander.ts";
import { randomOf } from "./draw.ts";
import { PlainSender } from "./plain-sender.ts";
import { Producer } from "./producer.ts";
import { Ruffian } from "./ruffian.ts";
import type { Sender } from "./sender.ts";
import { DEFAULT, PLAIN, WIDE } from "./sim-models.ts";

/** Is everyone who sends to the daemon. */
export interface Crew {
  readonly producers: readonly Producer[];
  readonly plain: readonly PlainSender[];
  readonly ruffian: Ruffian;
  readonly commander: Commander;
  readonly all: readonly Sender[];
}

/** Opens the crew; each has its own generator. */
export function openCrew(seed: number, url: string, isEmbedded: boolean): Crew {
  let index = 0;
  const next = () => ({ url, index: ++index, random: randomOf(seed, index), forgetful: !isEmbedded });
  const producers = [
    new Producer({ ...next(), model: DEFAULT, qos: 1, manner: "patient" }),
    new Producer({ ...next(), model: DEFAULT, qos: 1, manner: "orderly" }),
    new Producer({ ...next(), model: DEFAULT, qos: 1, manner: "unruly" }),
    new Producer({ ...next(), model: DEFAULT, qos: 2, manner: "unruly" }),
    new Producer({ ...next(), model: WIDE, qos: 1, manner: "unruly" }),
    new Producer({ ...next(), model: PLAIN, qos: 2, manner: "patient" }),
  ];
  const plain = [
    new PlainSender({ ...next(), model: DEFAULT, qos: 0 }),
    new PlainSender({ ...next(), model: DEFAULT, qos: 1 }),
    new PlainSender({ ...next(), model: WIDE, qos: 2 }),
    new PlainSender({ ...next(), model: PLAIN, qos: 1 }),
  ];
  const ruffian = new Ruffian({ ...next(), model: DEFAULT, qos: 1, isEmbedded });
  const commander = new Commander(next());
  return { producers, plain, ruffian, commander, all: [...producers, ...plain, ruffian, commander] };
}

// A program that publishes rows through an outbox, as one is told to write it: it goes on after the last number that has
// been handed out. x1 is the number, x2 tells which life of the program made the row, y is the number's parity.

import { openOutbox } from "../../src/client/numbered-outbox.ts";
import { RivuletError } from "../../src/error.ts";
import type { ProducerProgramOptions } from "./spawn-producer.ts";

const options: ProducerProgramOptions & { readonly source: string } = JSON.parse(process.argv[2] ?? "{}");
const say = (line: string) => process.stdout.write(`${line}\n`);

const outbox = await openOutbox({
  url: options.url,
  model: "default",
  source: options.source,
  file: options.file,
  ...(options.acknowledges === undefined ? {} : { acknowledges: options.acknowledges }),
  ...(options.bytesMax === undefined ? {} : { bytesMax: options.bytesMax }),
  onSettled: ({ settledTo }) => say(`settled ${settledTo}`),
  onRestored: ({ from, to }) => say(`restored ${from} ${to}`),
});
say(`opened ${outbox.last}`);
try {
  while (outbox.last < options.rows) {
    // Some at once, so that a flush has several.
    const rows = Array.from({ length: Math.min(7, options.rows - outbox.last) }, (_, i) => outbox.last + 1 + i);
    await Promise.all(rows.map((x1) => outbox.send({ x1, x2: process.pid, y: x1 % 2 })));
    say(`sent ${outbox.last}`);
  }
  await outbox.settled();
  say("done");
} catch (error) {
  if (!(error instanceof RivuletError)) throw error;
  say(`failed ${error.code}`);
}
await outbox.close();

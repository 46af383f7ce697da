// What aedes can do with a client and its types do not say. Each of these has a contract test, and aedes is pinned exactly.

import type { Aedes, Client } from "aedes";

/** What aedes's types do not say of a client. */
interface Untyped {
  /** Packets of what was read last that are not answered yet. */
  _parsingBatch: number;
  /** Reads on where none are. */
  _nextBatch(): void;
  pause(): void;
  resume(): void;
  /** Ends the connection of a client that was silent for too long; null where none was agreed. */
  readonly _keepaliveTimer: NodeJS.Timeout | null;
}

/** Stops reading a client. */
export function pause(client: Client): void {
  (client as unknown as Untyped).pause();
}

/** Reads a client again. What was answered while it was paused is still counted as open, and would keep it from being read for ever. */
export function resume(client: Client): void {
  const untyped = client as unknown as Untyped;
  untyped._parsingBatch = 0;
  untyped.resume();
}

/** Lets a client be read although packets of it are held: else what a commit takes with it is what one read brought. */
export function readOn(client: Client): void {
  const untyped = client as unknown as Untyped;
  if (untyped._parsingBatch === 0) return;
  untyped._parsingBatch = 0;
  untyped._nextBatch();
}

/** Notes that a client sent something that aedes has not seen. */
export function notSilent(client: Client): void {
  (client as unknown as Untyped)._keepaliveTimer?.refresh();
}

/** Lists the clients that are connected. */
export function clientsOf(aedes: Aedes): readonly Client[] {
  return Object.values((aedes as unknown as { readonly clients: Readonly<Record<string, Client>> }).clients);
}

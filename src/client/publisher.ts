// Publishes samples to a broker and waits until the broker has acknowledged each of them.

import type { BrokerAccess } from "./connect.ts";
import { Outbox } from "./outbox.ts";
import { dueRows } from "./pace.ts";

export interface PublishOptions extends BrokerAccess {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  /** Messages a second; 0 is as fast as the broker takes them. */
  readonly rate: number;
  readonly payloads: Iterable<string | Uint8Array>;
  /** Ends sending; what was sent is still waited for, for STOP_MS_MAX. */
  readonly signal: AbortSignal;
  /** What to hear meanwhile: with the embedded broker, all that it told before the last acknowledgement, or with it. */
  readonly listen?: { readonly topic: string; readonly onMessage: (payload: string) => void };
  /** Called after each message that was acknowledged. */
  readonly onProgress: (counts: PublishCounts) => void;
}

export interface PublishCounts {
  readonly sent: number;
  readonly acknowledged: number;
}

export interface Published extends PublishCounts {
  readonly seconds: number;
}

const STOP_MS_MAX = 10_000;
/** Messages between two looks at the event loop. */
const BURST = 64;

/**
 * Publishes all payloads and resolves when each is acknowledged (QoS 1, 2) or written (QoS 0). A lost connection is made
 * anew, and what was not acknowledged is sent again, in order. Throws `broker-failed`.
 */
export async function publish(options: PublishOptions): Promise<Published> {
  const { signal, payloads, rate } = options;
  const outbox = new Outbox(options);
  try {
    await outbox.open();
    const startedAt = performance.now();
    let sent = 0;
    for (const payload of payloads) {
      if (signal.aborted) break;
      await outbox.room();
      if (rate > 0) await dueRows(startedAt, sent, rate, signal);
      else if (sent % BURST === 0) await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) break;
      outbox.send(payload);
      sent++;
    }
    await drained(outbox, signal);
    await outbox.hear();
    const seconds = (performance.now() - startedAt) / 1000;
    return { sent: outbox.sent, acknowledged: outbox.acknowledged, seconds };
  } finally {
    await outbox.close();
  }
}

/** Resolves when everything is acknowledged, or fails when that takes too long after the signal. */
async function drained(outbox: Outbox, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expire = () => {
    timer = setTimeout(() => outbox.fail(new Error("the broker does not answer")), STOP_MS_MAX);
  };
  if (signal.aborted) expire();
  else signal.addEventListener("abort", expire, { once: true });
  try {
    await outbox.empty();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", expire);
  }
}

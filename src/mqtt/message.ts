/** A message from a broker, on its way into the pipeline. */
export interface Message {
  readonly topic: string;
  /** On loan until `ack`. */
  readonly payload: Uint8Array;
  /** What is known of the whole payload where it was over the limit, and `payload` is but its beginning. */
  readonly cut?: { readonly payloadBytes: number; readonly sha256: string };
  /** Whether the broker repeats an old message to a new subscriber. */
  readonly retain: boolean;
  readonly qos: 0 | 1 | 2;
  /** Tells the connections of a broker apart. */
  readonly connection: number;
  /** Where an answer is wanted, and what it must bring along (MQTT 5, 4.10). */
  readonly reply?: { readonly topic: string; readonly correlation: Uint8Array | null };
  /** Lets the acknowledgement go, once everything that the message changed is durable. Calling it again does nothing. */
  ack(): void;
}

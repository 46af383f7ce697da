import type { Live } from "./live.ts";

/** Is what is shown of one route. */
export interface Page {
  readonly title: string;
  readonly element: HTMLElement;
  /** Ends what it listens to and waits for. */
  close(): void;
}

/** What pages are given. */
export interface PageContext {
  readonly live: Live;
  /** Tells something in passing. */
  readonly toast: (text: string, kind?: "good" | "bad") => void;
  readonly go: (href: string) => void;
}

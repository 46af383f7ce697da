// Decides who is let in. Two kinds of strangers are kept out: other machines, which need the token for everything but the
// dashboard's own files; and web pages in the operator's browser, which share the operator's address but neither know the
// token nor are allowed to be the origin of a call.

import { RivuletError } from "../error.ts";
import { FailedAttempts } from "./failed-attempts.ts";

/** Source addresses of calls that come from this machine for sure. */
const LOCAL_PEERS: readonly string[] = ["127.0.0.1", "::1", "::ffff:127.0.0.1"];
const LOCAL_NAMES: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];
/** Headers by which a proxy on this machine says that it speaks for somebody else. */
const FORWARDED: readonly string[] = ["forwarded", "x-forwarded-for", "x-real-ip"];
const IP_LITERAL = /^(\[[0-9a-f:.]+\]|\d{1,3}(\.\d{1,3}){3})$/;

export interface GuardOptions {
  /** Names, beside those of this machine and plain addresses, under which it may be called. */
  readonly hosts: () => readonly string[];
  /** Compares in a time that does not depend on where the difference is. */
  readonly isToken: (given: string) => boolean;
  /** Ms of a clock that only ever rises. */
  readonly nowMs: () => number;
}

/** Says what is asked of whom: `open` needs nothing, `read` the token from elsewhere, `write` the token in any case. */
export type Need = "open" | "read" | "write";

export class Guard {
  readonly #options: GuardOptions;
  readonly #failed = new FailedAttempts();

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * Lets a call pass, or throws: `forbidden` where its host or its origin is a stranger's, `token-needed`, or
   * `too-many-attempts`. `peer` is the address that the connection comes from.
   */
  check(headers: Headers, peer: string, need: Need): void {
    const host = (headers.get("host") ?? "").toLowerCase();
    const name = host.replace(/:\d+$/, "");
    if (!this.#isKnown(name)) {
      // A page whose name was made to resolve to this machine (DNS rebinding) sends its own name here.
      throw new RivuletError("forbidden", `this daemon is not called ${JSON.stringify(name.slice(0, 100))}`, {
        hint: "Names under which it may be called are listed in http.hosts.",
      });
    }
    if (need === "open") return;
    checkOrigin(headers, host);
    const isLocal =
      LOCAL_PEERS.includes(peer) && LOCAL_NAMES.includes(name) && !FORWARDED.some((one) => headers.has(one));
    const given = headers.get("authorization");
    if (given === null && isLocal && need === "read") return;
    this.#checkToken(given, peer);
  }

  /** A plain address cannot be somebody else's name. */
  #isKnown(name: string): boolean {
    return LOCAL_NAMES.includes(name) || IP_LITERAL.test(name) || this.#options.hosts().includes(name);
  }

  #checkToken(given: string | null, peer: string): void {
    const { isToken, nowMs } = this.#options;
    const hint = "Send `Authorization: Bearer TOKEN`; the token is in the file `token` of the data folder.";
    if (given === null) throw new RivuletError("token-needed", "this needs the token", { hint });
    const waitSeconds = this.#failed.waitSeconds(peer, nowMs());
    if (waitSeconds > 0) {
      throw new RivuletError("too-many-attempts", `too many wrong tokens came from ${peer}`, {
        hint: `Try again in ${waitSeconds} s.`,
      });
    }
    const token = /^bearer +(\S+) *$/i.exec(given)?.[1];
    if (token !== undefined && isToken(token)) return;
    this.#failed.failed(peer, nowMs());
    throw new RivuletError("token-needed", "that is not the token", { hint });
  }
}

/** Refuses what a page of another origin has its browser send. Programs other than browsers send neither header. */
function checkOrigin(headers: Headers, host: string): void {
  const site = headers.get("sec-fetch-site");
  const origin = headers.get("origin");
  const isSame = origin === null || (URL.canParse(origin) && new URL(origin).host === host);
  if ((site === null || site === "same-origin" || site === "none") && isSame) return;
  throw new RivuletError("forbidden", "a page of another origin asks", {
    hint: "Only the dashboard's own pages, and programs, may call the API.",
  });
}

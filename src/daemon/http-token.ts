import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RivuletError } from "../error.ts";
import type { Config } from "./config.ts";

const TOKEN_BYTES = 32;
const TOKEN_LENGTH_MIN = 16;
const OWNER_ONLY = 0o600;

/** Reads the token of the HTTP face; at the first start it makes one. Throws `file-unreadable`, `config-invalid`. */
export function httpToken({ http, data }: Pick<Config, "http" | "data">): string {
  const path = http.tokenFile ?? join(data, "token");
  const known = read(path, http.tokenFile === null);
  if (known !== null) {
    if (known.length >= TOKEN_LENGTH_MIN && !/\s/.test(known)) return known;
    throw new RivuletError("config-invalid", `the token in ${path} is too short, or has blanks in it`, {
      hint: `It must have ${TOKEN_LENGTH_MIN} characters or more; without the file, the next start makes one.`,
    });
  }
  const made = randomBytes(TOKEN_BYTES).toString("base64url");
  writeFileSync(path, `${made}\n`, { mode: OWNER_ONLY, flag: "wx" });
  return made;
}

/** Compares two tokens in a time that tells nothing of where they differ. */
export function isSameToken(token: string, given: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(token), digest(given));
}

function read(path: string, mayLack: boolean): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    if (mayLack && (cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new RivuletError("file-unreadable", `the token file ${path} cannot be read`, {
      hint: "It must be readable by the user that runs the daemon; http.tokenFile names another one.",
      cause,
    });
  }
}

import type { Command } from "commander";
import { RivuletError } from "../error.ts";
import type { GlobalOptions } from "./context.ts";

/** Merges a command's own options with those that stand before the verb. */
export function optionsOf<T = object>(command: Command): GlobalOptions & T {
  const merged: Record<string, unknown> = {};
  const set: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) {
    const options = at.opts<Record<string, unknown>>();
    for (const [name, value] of Object.entries(options)) merged[name] ??= value;
    set.unshift(...((options["set"] as readonly string[] | undefined) ?? []));
  }
  return { ...merged, set } as unknown as GlobalOptions & T;
}

/** Reads a whole number of an option. Throws `usage`. */
export function wholeNumber(name: string, min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < min) {
      throw new RivuletError("usage", `${name} is ${text}; a whole number of at least ${min} is needed`);
    }
    return value;
  };
}

/** Reads a number above 0 of an option. Throws `usage`. */
export function positiveNumber(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isFinite(value) || value <= 0) {
      throw new RivuletError("usage", `${name} is ${text}; a number above 0 is needed`);
    }
    return value;
  };
}

/** Reads the number of a port of an option. Throws `usage`. */
export function portNumber(name: string): (text: string) => number {
  return (text) => {
    const port = Number(text);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new RivuletError("usage", `${name} is ${text}; a port from 1 to 65535 is needed`);
    }
    return port;
  };
}

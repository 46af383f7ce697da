import type Database from "better-sqlite3";
import type { RivuletError } from "../error.ts";
import { storeError } from "./failures.ts";
import { checkDatabase } from "./pragmas.ts";

const LOOK_MS_MIN = 1000;
/** Share of the time that looking may take. */
const LOOK_SHARE = 0.05;

/**
 * Knows whether the file was found to be damaged while it was in use. Then nothing may be built upon it, unless a look at
 * the whole file finds nothing: a disk that could not be read for a moment is told by the same code.
 */
export class Soundness {
  readonly #db: Database.Database;
  readonly #path: string;
  #suspicion: RivuletError | null = null;
  #lookAt = 0;

  constructor(db: Database.Database, path: string) {
    this.#db = db;
    this.#path = path;
  }

  get suspected(): boolean {
    return this.#suspicion !== null;
  }

  suspect(damage: RivuletError): void {
    this.#suspicion ??= damage;
  }

  /** Throws `store-damaged` while the file is suspected; looks at it as often as its size lets it. */
  assert(): void {
    if (this.#suspicion === null) return;
    const from = performance.now();
    if (from < this.#lookAt) throw this.#suspicion;
    try {
      checkDatabase(this.#db, this.#path);
      this.#suspicion = null;
    } catch (cause) {
      throw storeError(cause, this.#path);
    } finally {
      const now = performance.now();
      this.#lookAt = now + Math.max(LOOK_MS_MIN, (now - from) / LOOK_SHARE);
    }
  }
}

// The dashboard may know nothing of the daemon, so it describes what it is told in its own words. The compiler is asked here
// whether they still fit what is told; nothing is run.

import type { History, Quarantine, Status } from "../../../src/daemon/verb-queries.ts";
import type { SnapshotLine } from "../../../src/daemon/verb-snapshots.ts";
import type { AnyModelFile } from "../../../src/export/model-file.ts";
import type * as Read from "../../../src/http/browser/answers.ts";

/** As it comes by the wire: only the members of an alias, not those of an interface, may be looked up by any name. */
type Wire<T> = T extends object ? { readonly [K in keyof T]: Wire<T[K]> } : T;
type Fits<Told extends Wanted, Wanted> = Told;

export type Agreed = [
  Fits<Wire<Status>, Read.Status>,
  Fits<Wire<History>, Read.History>,
  Fits<Wire<Quarantine>, Read.Quarantine>,
  Fits<Wire<SnapshotLine>, Read.SnapshotLine>,
  Fits<Wire<AnyModelFile>, Read.LearnedFile>,
];

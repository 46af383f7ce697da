/** Is what the store's file is called in the data folder. */
export const FILE = "rivulet.db";

// Keys of the table `meta`, and what two of them may be.
/** Whether the last stop was clean: YES, or NO. */
export const CLEAN = "clean";
/** The highest snapshot id that was ever used, where the snapshot itself was deleted. */
export const LAST_SNAPSHOT = "last_snapshot_id";
/** When the store was restored from a backup, ms since 1970. */
export const RESTORED = "restored_ms";
/** Whether that was told: YES, or NO. */
export const RESTORED_TOLD = "restored_told";
export const YES = "yes";
export const NO = "no";

import type { Mark } from "../sample/marks.ts";

/** Puts a mark into the words that producers read. Most send in order: then nothing is settled above it. */
export function markTold({ above, ...mark }: Mark): Omit<Mark, "above"> & { readonly above?: Mark["above"] } {
  return above.length === 0 ? mark : { ...mark, above };
}

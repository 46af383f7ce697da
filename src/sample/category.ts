// Values of features that are no numbers. The journal holds numbers: the index of a category in the configuration's list,
// or the hash of a text. Such a number stands for itself wherever a value may come from, so what is exported can be sent again.

/** Says what the values of a categorical feature are: names, in their order, or any texts, by their hash. */
export type Categories = readonly string[] | "hashed";

const encoder = new TextEncoder();
const HASHES = 2 ** 32;

/** Hashes a text to 32 bits: FNV-1a over its UTF-8 (Fowler, Noll & Vo, RFC 9923). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Tells the number of what a text names; null where it names none of the categories. */
export function numberOfCategory(text: string, categories: Categories): number | null {
  if (categories === "hashed") return hashOf(text);
  const index = categories.indexOf(text);
  return index < 0 ? null : index;
}

/** Tells whether a number stands for a category. */
export function isCategory(value: number, categories: Categories): boolean {
  const count = categories === "hashed" ? HASHES : categories.length;
  return value >= 0 && value < count && Math.floor(value) === value;
}

/** Names a number of the journal again: a hash has no name but itself. */
export function nameOfCategory(value: number, categories: Categories): string | number {
  return categories === "hashed" ? value : (categories[value] ?? value);
}

/** Says what is a category. */
export function categoriesAllowed(categories: Categories): string {
  if (categories === "hashed") return `a text, or a whole number below ${HASHES}`;
  return `${categories.join(" or ")}, or a whole number from 0 to ${categories.length - 1}`;
}

// What JSON is made of, in numbers.

// Kinds of values, as they are noted in a byte each. They are ordered: up to NULL there is no value, and from BOOLEAN on
// there is a number.
export const ABSENT = 0;
export const NULL = 1;
export const STRING = 2;
export const ARRAY = 3;
export const OBJECT = 4;
export const BOOLEAN = 5;
export const NUMBER = 6;

// The bytes that hold values together.
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const BRACKET = 0x5b;
export const BRACKET_END = 0x5d;
export const BRACE = 0x7b;
export const BRACE_END = 0x7d;
/** Stands where the payload has ended. */
export const END = -1;

import { posix } from "node:path";
import type { Token } from "./tokens.ts";

/** Holds one import of a file, in whatever form: static, dynamic, re-exported, required. */
export interface Import {
  /** Is null where it is computed, so that nobody can tell what is loaded. */
  readonly specifier: string | null;
  /** Leaves nothing at run time: `import type` or `export type`. A brace of inline `type`s still loads the module. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** Finds every import among the tokens of a file. */
export function importsOf(tokens: readonly Token[]): readonly Import[] {
  return tokens.flatMap((token, i) => {
    if (token.kind !== "word" || isMember(tokens, i) || isMethod(tokens, i)) return [];
    if (token.text === "require") return requireAt(tokens, i);
    if (token.text === "import") return tokens[i + 1]?.text === "(" ? calledAt(tokens, i + 1) : clauseAt(tokens, i);
    return token.text === "export" ? clauseAt(tokens, i) : [];
  });
}

/** Resolves a relative specifier of the file at `path` to a path from the top; null for a package. */
export function resolveImport(path: string, specifier: string): string | null {
  return /^\.{0,2}\//.test(specifier) ? posix.join(posix.dirname(path), specifier) : null;
}

function isMember(tokens: readonly Token[], i: number): boolean {
  const before = tokens[i - 1]?.text;
  const after = tokens[i + 1]?.text;
  return before === "." || before === "?." || after === ":" || (tokens[i]?.text === "import" && after === ".");
}

/** Tells whether the word at `i` is the name of a method that is declared there: `import(a: number): void {`. */
function isMethod(tokens: readonly Token[], i: number): boolean {
  if (tokens[i + 1]?.text !== "(" || !/^([;{},]|async|static)$/.test(tokens[i - 1]?.text ?? "")) return false;
  let depth = 0;
  const close = tokens.findIndex((token, j) => {
    if (j <= i || token.kind !== "sign") return false;
    if (token.text === "(") depth += 1;
    if (token.text === ")") depth -= 1;
    return depth === 0;
  });
  return close !== -1 && /^[:{]$/.test(tokens[close + 1]?.text ?? "");
}

function requireAt(tokens: readonly Token[], i: number): readonly Import[] {
  if (tokens[i + 1]?.text === ".") return tokens[i + 3]?.text === "(" ? calledAt(tokens, i + 3) : [];
  return tokens[i + 1]?.text === "(" ? calledAt(tokens, i + 1) : [];
}

function calledAt(tokens: readonly Token[], open: number): readonly Import[] {
  const argument = tokens[open + 1];
  if (argument === undefined) return [];
  const whole = argument.kind === "string" && [")", ","].includes(tokens[open + 2]?.text ?? "");
  return [{ specifier: whole ? argument.text : null, typeOnly: false, line: argument.line }];
}

function clauseAt(tokens: readonly Token[], i: number): readonly Import[] {
  const line = tokens[i]?.line ?? 0;
  const isType = tokens[i + 1]?.text === "type";
  const next = tokens[i + (isType ? 2 : 1)];
  if (tokens[i]?.text === "import" && next?.kind === "string") {
    return [{ specifier: next.text, typeOnly: false, line }];
  }
  if (tokens[i]?.text === "export" && next?.text !== "{" && next?.text !== "*") return [];
  // `import type from "x"` takes a default of that name; only a name or a brace after `type` makes it types.
  const typeOnly = isType && next?.text !== "from" && next?.text !== ",";
  for (let j = i + 1; j < tokens.length; j++) {
    const token = tokens[j];
    if (token?.text === ";" || token?.text === "=" || token?.text === "(") return [];
    const source = tokens[j + 1];
    if (token?.kind === "word" && token.text === "from" && source?.kind === "string") {
      return [{ specifier: source.text, typeOnly, line }];
    }
    // An export list without a source ends at its brace.
    if (token?.text === "}" && source?.text !== "from") return [];
  }
  return [];
}

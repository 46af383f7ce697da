// Splits TypeScript into words, strings and signs, without comments: enough to see what a file imports and calls,
// and never to take for code what stands in a comment, a string or a regular expression.

export interface Token {
  /** `string` holds the text between the quotes, escapes left as written; `template` a part of one with holes. */
  readonly kind: "word" | "string" | "template" | "regex" | "sign";
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
}

const signs = ["...", "**", "=>", "?.", "??"];
const wordStart = /[\p{L}\p{N}_$#@]/u;
const wordPattern = /[\p{L}\p{N}_$#@]+(?:\.\d+)?/uy;
const regexPattern = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
// After one of these a slash begins a regular expression; after any other word it divides.
const wordsBeforeRegex = /^(return|typeof|case|in|of|new|delete|void|throw|do|else|yield|await|instanceof)$/;

/** Splits `source` into tokens, in order. */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  // Depths of braces at which a hole of a template ends and its text goes on.
  const holes: number[] = [];
  let depth = 0;
  let at = source.startsWith("#!") ? endOfLine(source, 0) : 0;
  let line = 1;

  function take(kind: Token["kind"], text: string, end: number): void {
    tokens.push({ kind, text, line });
    skip(end);
  }
  function skip(end: number): void {
    for (let i = at; i < end; i++) if (source[i] === "\n") line += 1;
    at = end;
  }
  /** Reads template text from `start`, just after a backtick or the brace that closes a hole. */
  function takeTemplate(start: number, opens: boolean): void {
    let end = start;
    while (end < source.length && source[end] !== "`" && !source.startsWith("${", end)) {
      end += source[end] === "\\" ? 2 : 1;
    }
    const hole = source[end] === "$";
    take(
      opens && !hole ? "string" : "template",
      source.slice(start, end),
      Math.min(end + (hole ? 2 : 1), source.length),
    );
    if (hole) holes.push(depth++);
  }

  while (at < source.length) {
    const char = source[at] ?? "";
    if (/\s/.test(char)) skip(at + 1);
    else if (source.startsWith("//", at)) skip(endOfLine(source, at));
    else if (source.startsWith("/*", at)) skip(endOfComment(source, at));
    else if (char === '"' || char === "'") {
      const end = endOfString(source, at);
      take("string", source.slice(at + 1, end), end + 1);
    } else if (char === "`") takeTemplate(at + 1, true);
    else if (char === "}" && holes.at(-1) === depth - 1) {
      holes.pop();
      depth -= 1;
      takeTemplate(at + 1, false);
    } else if (char === "/" && beginsRegex(tokens.at(-1))) {
      const regex = match(regexPattern, source, at) ?? char;
      take(regex === char ? "sign" : "regex", regex, at + regex.length);
    } else if (wordStart.test(char)) {
      const word = match(wordPattern, source, at) ?? char;
      take("word", word, at + word.length);
    } else {
      if (char === "{") depth += 1;
      if (char === "}") depth -= 1;
      const sign = signs.find((candidate) => source.startsWith(candidate, at)) ?? char;
      take("sign", sign, at + sign.length);
    }
  }
  return tokens;
}

function beginsRegex(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === "word") return wordsBeforeRegex.test(before.text);
  return before.kind === "sign" && before.text !== ")" && before.text !== "]" && before.text !== "}";
}

function match(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function endOfLine(source: string, at: number): number {
  const end = source.indexOf("\n", at);
  return end === -1 ? source.length : end;
}

function endOfComment(source: string, at: number): number {
  const end = source.indexOf("*/", at + 2);
  return end === -1 ? source.length : end + 2;
}

function endOfString(source: string, at: number): number {
  let end = at + 1;
  while (end < source.length && source[end] !== source[at]) end += source[end] === "\\" ? 2 : 1;
  return end;
}

// The house rules of DESIGN §6 and STYLE as a pure function over the files of the repository, so that a test can plant
// violations. It refuses what is not named: an unknown room, package or top-level entry is a violation.
import { type Import, importsOf, resolveImport } from "./imports.ts";
import { type Token, tokensOf } from "./tokens.ts";

export type Rule =
  | "closed-top-level"
  | "known-room"
  | "allowed-imports"
  | "one-subscribe"
  | "no-clock-no-chance"
  | "own-mathematics"
  | "no-any"
  | "no-exported-subject"
  | "no-default-export"
  | "kebab-case"
  | "file-length"
  | "tests-mirror-source"
  | "no-machine-paths";

export interface Violation {
  readonly file: string;
  /** Counted from 1; 0 where the rule is about the whole file. */
  readonly line: number;
  readonly rule: Rule;
  readonly detail: string;
}

interface Allowance {
  readonly rooms: readonly string[];
  /** Rooms of which types may be imported, but nothing that exists at run time. */
  readonly types: readonly string[];
  readonly packages: readonly string[];
  readonly node: boolean;
}

const pureRooms = ["learner", "sample", "evaluate", "export", "stream"];
// What they compute becomes state, the same bits on every machine.
const exactRooms = ["learner", "evaluate"];

// Every room may import itself and src/error.ts.
const rooms: Readonly<Record<string, Allowance>> = {
  learner: allow({}),
  sample: allow({}),
  evaluate: allow({ rooms: ["learner"] }),
  export: allow({ rooms: ["learner"] }),
  stream: allow({ rooms: ["learner", "evaluate", "sample"], packages: ["rxjs"] }),
  mqtt: allow({ packages: ["rxjs", "mqtt", "mqtt-packet", "aedes"], node: true }),
  // The producer's outbox is a file that outlives its process.
  client: allow({ rooms: ["sample"], packages: ["mqtt"], node: true }),
  store: allow({ types: ["learner", "evaluate"], packages: ["better-sqlite3"], node: true }),
  http: allow({ types: ["learner", "evaluate"], packages: ["hono", "zod"] }),
  "http/browser": allow({ rooms: ["learner"], packages: ["uplot"] }),
  daemon: allow({
    rooms: [...pureRooms, "mqtt", "client", "store", "http"],
    packages: ["rxjs", "zod", "yaml", "pino", "prom-client"],
    node: true,
  }),
  cli: allow({
    rooms: ["daemon", "sample", "learner", "evaluate", "export", "client"],
    packages: ["commander"],
    node: true,
  }),
};

const doors: Readonly<Record<string, Allowance>> = {
  "src/main.ts": allow({ rooms: ["cli"] }),
  "src/index.ts": allow({ rooms: pureRooms }),
  "src/error.ts": allow({}),
};

const topLevel = [
  "README.md",
  "package.json",
  "package-lock.json",
  "LICENSE",
  "THIRD-PARTY-NOTICES.md",
  "tsconfig.json",
  "src",
  "config",
  "deploy",
  "test",
];

const testFoldersBesideRooms = ["golden", "sim", "bench"];
const SOURCE_LINES_MAX = 400;
const timers = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"];
// What IEEE 754 makes the same on every machine; the rest of Math differs in the last bits.
const exactMath =
  /^(abs|sign|sqrt|floor|ceil|round|trunc|min|max|fround|imul|clz32|PI|E|LN2|LN10|LOG2E|LOG10E|SQRT2|SQRT1_2)$/;
const subject = /^(Subject|BehaviorSubject|ReplaySubject|AsyncSubject)$/;
const machinePath = /(?<![\w.~-])\/(?:work|home|root)\//;
const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;

/** Checks `files` (path from the top → text) and tells every violation, file by file. */
export function checkArchitecture(files: ReadonlyMap<string, string>): readonly Violation[] {
  const paths = [...files.keys()];
  const found: Violation[] = paths.flatMap((path) => [
    ...checkPlace(path, paths),
    ...checkText(path, files.get(path) ?? ""),
  ]);
  const subscribes = paths
    .filter((path) => isSource(path))
    .flatMap((path) => find(tokensOf(files.get(path) ?? ""), path, "one-subscribe", subscribeAt));
  if (subscribes.length === 0) {
    found.push({ file: "src/daemon", line: 0, rule: "one-subscribe", detail: "nothing subscribes" });
  }
  const wrong = subscribes.filter(({ file }) => !file.startsWith("src/daemon/"));
  return [...found, ...wrong, ...subscribes.filter((one) => !wrong.includes(one)).slice(1)];
}

/** Says in one line what is wrong and where. */
export function describeViolation({ file, line, rule, detail }: Violation): string {
  return `${file}${line > 0 ? `:${line}` : ""}: ${rule}: ${detail}`;
}

function checkPlace(path: string, paths: readonly string[]): readonly Violation[] {
  const say = (rule: Rule, detail: string): Violation => ({ file: path, line: 0, rule, detail });
  const found: Violation[] = [];
  const [top = "", second = "", ...rest] = path.split("/");
  if (!top.startsWith(".") && !topLevel.includes(top)) {
    found.push(say("closed-top-level", `${top} is not among ${topLevel.join(", ")} and dot-files`));
  }
  if (top === "src" && roomOf(path) === null && !Object.hasOwn(doors, path)) {
    found.push(say("known-room", "src/ holds its doors, error.ts and the rooms that DESIGN names, nothing else"));
  }
  const mirrored = testFoldersBesideRooms.includes(second) || paths.some((other) => other.startsWith(`src/${second}/`));
  if (top === "test" && rest.length > 0 && !mirrored) {
    found.push(say("tests-mirror-source", `there is no room src/${second}`));
  }
  const odd = [second, ...rest].find(
    (name) => name !== "" && !/\.md$|^\.|^(LICENSE|Dockerfile)$/.test(name) && !kebab.test(name),
  );
  if (["src", "test", "deploy", "config"].includes(top) && odd !== undefined) {
    found.push(say("kebab-case", `${odd} is not in kebab-case`));
  }
  return found;
}

function checkText(path: string, text: string): readonly Violation[] {
  const found: Violation[] = [];
  const lines = text.split("\n");
  lines.forEach((line, i) => {
    const stray = machinePath.exec(line)?.[0];
    if (stray === undefined || path === "package-lock.json") return;
    found.push({ file: path, line: i + 1, rule: "no-machine-paths", detail: `${stray} is a path of one machine` });
  });
  if (!path.endsWith(".ts")) return found;
  const tokens = tokensOf(text);
  found.push(...find(tokens, path, "no-any", anyAt));
  if (!isSource(path)) return found;
  const lineCount = text.endsWith("\n") ? lines.length - 1 : lines.length;
  if (lineCount > SOURCE_LINES_MAX) {
    found.push({ file: path, line: 0, rule: "file-length", detail: `${lineCount} lines, over ${SOURCE_LINES_MAX}` });
  }
  found.push(...importsOf(tokens).flatMap((one) => checkImport(path, one)));
  found.push(...find(tokens, path, "no-default-export", defaultExportAt));
  found.push(...find(tokens, path, "no-exported-subject", exportedSubjectAt));
  if (pureRooms.includes(roomOf(path) ?? "")) {
    found.push(...find(tokens, path, "no-clock-no-chance", clockOrChanceAt));
  }
  if (exactRooms.includes(roomOf(path) ?? "")) found.push(...find(tokens, path, "own-mathematics", foreignMathAt));
  return found;
}

function checkImport(path: string, { specifier, typeOnly, line }: Import): readonly Violation[] {
  const refuse = (detail: string): readonly Violation[] => [{ file: path, line, rule: "allowed-imports", detail }];
  if (specifier === null) return refuse("what is imported must stand there as a plain string");
  const room = roomOf(path);
  const allowed = doors[path] ?? rooms[room ?? ""];
  if (allowed === undefined) return [];
  const who = room ?? path;
  const target = resolveImport(path, specifier);
  if (target === null) {
    const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    if (specifier.startsWith("node:")) return allowed.node ? [] : refuse(`${who} may not import ${specifier}`);
    return allowed.packages.includes(name) ? [] : refuse(`${who} may not import the package ${name}`);
  }
  const there = roomOf(target);
  if (target === "src/error.ts" || (there !== null && there === room)) return [];
  if (there !== null && allowed.rooms.includes(there)) return [];
  if (there === null || !allowed.types.includes(there)) return refuse(`${who} may not import ${there ?? target}`);
  return typeOnly ? [] : refuse(`${who} may import only types of ${there}, with \`import type\``);
}

/** Names the room of a path by the longest name that fits; null outside of every room. */
function roomOf(path: string): string | null {
  const fitting = Object.keys(rooms).filter((room) => path.startsWith(`src/${room}/`));
  return fitting.reduce<string | null>((best, room) => (room.length > (best ?? "").length ? room : best), null);
}

function isSource(path: string): boolean {
  return path.startsWith("src/") && path.endsWith(".ts");
}

function allow(allowance: Partial<Allowance>): Allowance {
  return { rooms: [], types: [], packages: [], node: false, ...allowance };
}

type Text = (offset: number) => string;

/** Looks at every word and sign; `at` tells what is wrong with the one at `i`, or null. */
function find(
  tokens: readonly Token[],
  file: string,
  rule: Rule,
  at: (text: Text, tokens: readonly Token[], i: number) => string | null,
): readonly Violation[] {
  return tokens.flatMap((token, i) => {
    // Strings have no text here: a rule must never take one for code.
    const text: Text = (offset) => {
      const other = tokens[i + offset];
      return other?.kind === "word" || other?.kind === "sign" ? other.text : "";
    };
    const detail = at(text, tokens, i);
    return detail === null ? [] : [{ file, line: token.line, rule, detail }];
  });
}

function isMember(text: Text): boolean {
  return text(-1) === "." || text(-1) === "?.";
}

function subscribeAt(text: Text): string | null {
  return text(0) === "subscribe" && isMember(text) ? "src/ has exactly one subscribe, in daemon/" : null;
}

function anyAt(text: Text): string | null {
  const isName = isMember(text) || text(1) === ":" || text(1) === "(";
  return text(0) === "any" && !isName ? "`any` switches the type checker off" : null;
}

function defaultExportAt(text: Text): string | null {
  const plain = text(0) === "export" && text(1) === "default";
  const renamed = text(0) === "as" && text(1) === "default" && (text(2) === "}" || text(2) === ",");
  return plain || renamed ? "exports have names" : null;
}

function clockOrChanceAt(text: Text): string | null {
  if (isMember(text)) return null;
  const name = text(0);
  const member = text(1) === "." || text(1) === "?." ? `${name}.${text(2)}` : "";
  const isDate = name === "Date" && (member === "Date.now" || text(-1) === "new" || text(1) === "(");
  const isSource = ["Math.random", "performance.now", "process.hrtime", "process.nextTick"].includes(member);
  const isTimer = timers.includes(name) && text(1) !== ":";
  return isDate || isSource || isTimer ? `${member || name}: no clock, timer or chance in this room` : null;
}

function foreignMathAt(text: Text): string | null {
  if (text(0) === "**") {
    // A power of two written out is exact everywhere.
    const exponent = text(1) === "-" ? text(2) : text(1);
    return text(-1) === "2" && /^\d+$/.test(exponent) ? null : "** is Math.pow, which differs across machines";
  }
  if (text(0) !== "Math" || isMember(text)) return null;
  if (text(1) !== ".") return "Math may not be taken apart, or nobody sees what is used";
  const name = text(2);
  if (exactMath.test(name) || name === "random") return null;
  return `Math.${name} differs across machines; learner/elementary.ts has its own`;
}

function exportedSubjectAt(text: Text, tokens: readonly Token[], i: number): string | null {
  const refusal = "a Subject is nobody else's business: export an Observable";
  if (text(0) === "export") return declaresSubject(tokens, i) ? refusal : null;
  // A field that is not #private: `name = new Subject`, without const, let or var in front.
  if (text(0) !== "new" || !subject.test(text(1)) || text(-1) !== "=") return null;
  const name = text(-2);
  const isLocal = /^(const|let|var|private)$/.test(text(-3));
  if (isLocal) return exportsByList(tokens, name) ? refusal : null;
  return name.startsWith("#") ? null : refusal;
}

/** Looks at the head of an exported declaration: up to its end, its body or the first arrow. */
function declaresSubject(tokens: readonly Token[], i: number): boolean {
  const kind = tokens[i + 1]?.text ?? "";
  if (!/^(const|let|var|function|async)$/.test(kind)) return false;
  const isFunction = kind === "function" || kind === "async";
  for (let j = i + 2, depth = 0; j < tokens.length; j++) {
    const { kind: tokenKind, text } = tokens[j] ?? { kind: "sign", text: ";" };
    if (tokenKind === "word" && subject.test(text)) return true;
    if (text === "=>" || (depth === 0 && (text === ";" || (isFunction && text === "{")))) return false;
    if (text === "(" || text === "{" || text === "[") depth += 1;
    if (text === ")" || text === "}" || text === "]") depth -= 1;
  }
  return false;
}

function exportsByList(tokens: readonly Token[], name: string): boolean {
  return tokens.some((token, i) => {
    if (token.text !== "export" || tokens[i + 1]?.text !== "{") return false;
    const end = tokens.findIndex((other, j) => j > i && other.text === "}");
    return tokens.slice(i + 2, end).some((other) => other.text === name);
  });
}

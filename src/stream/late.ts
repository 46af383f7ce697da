import type { Marks } from "../sample/marks.ts";
import { ANSWER, QUESTION, type Rows } from "../sample/rows.ts";
import type { Questions } from "./questions.ts";

/** Says why a message is refused. */
export interface LateFault {
  readonly code: "unknown-id" | "already-answered";
  readonly detail: string;
}

/**
 * Looks for an answer in a message to what was not asked, or was answered; what the message itself asks and answers
 * before it counts. Rows whose numbers are settled are passed over.
 */
export function lateFault(rows: Rows, questions: Questions, marks: Marks): LateFault | null {
  const inMessage = new Map<string, { readonly number: number; answered: boolean }>();
  let asked = 0;
  for (let r = 0; r < rows.rows; r++) {
    const id = rows.ids[r];
    if (rows.kinds[r]! !== QUESTION && rows.kinds[r]! !== ANSWER) continue;
    if (id == null || isSettled(rows, marks, r)) continue;
    if (rows.kinds[r] === QUESTION) {
      inMessage.set(id, { number: ++asked, answered: false });
      continue;
    }
    const own = inMessage.get(id);
    const isOwn = own !== undefined && own.number + questions.keep > asked;
    const found = isOwn ? (own.answered ? "answered" : "open") : own ? "unknown" : questions.find(id, asked).kind;
    if (found === "unknown")
      return { code: "unknown-id", detail: `row ${r} answers ${id}, which was not asked, or is too old` };
    if (found === "answered") return { code: "already-answered", detail: `row ${r} answers ${id} once more` };
    inMessage.set(id, { number: own?.number ?? asked, answered: true });
  }
  return null;
}

function isSettled({ numbering }: Rows, marks: Marks, r: number): boolean {
  const run = numbering.find(({ offset, rows }) => r >= offset && r < offset + rows);
  return run !== undefined && marks.settled(run.source, run.epoch, run.seq + r - run.offset);
}

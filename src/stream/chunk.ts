import type { Refusal, RefusalCount } from "../learner/transaction.ts";
import { type NumberRun, type Rows, SAMPLE } from "../sample/rows.ts";
import type { AdmittedItem, Message, ModelEvent, NamedEvent } from "./flow.ts";
import type { Model } from "./model.ts";

/** Gathers what is admitted together. */
export class Chunk {
  rows = 0;
  readonly #models = new Set<Model>();
  readonly #messages: Message[] = [];
  readonly #refusals: Refusal[] = [];
  readonly #unkept = new Map<string, RefusalCount>();
  readonly #events: NamedEvent[] = [];

  get empty(): boolean {
    return this.#messages.length === 0;
  }

  /** Adds a message whose outcome is known: it is acknowledged with what it changed. */
  add(message: Message): void {
    this.#messages.push(message);
  }

  touch(model: Model): void {
    this.#models.add(model);
  }

  tell(model: Model, event: ModelEvent): void {
    this.#events.push({ model: model.name, event });
  }

  refuse(refusal: Refusal, kept: boolean): void {
    if (kept) {
      this.#refusals.push(refusal);
      return;
    }
    const { model, code } = refusal;
    const key = JSON.stringify([model, code]);
    this.#unkept.set(key, { model, code, count: (this.#unkept.get(key)?.count ?? 0) + 1 });
  }

  /** Copies a message's rows into their ring, but for those whose numbers are settled already. */
  append(model: Model, rows: Rows, now: number): void {
    this.#models.add(model);
    model.arrive(now);
    model.ignoredFields += rows.ignoredFields;
    let at = 0;
    for (const run of rows.numbering) {
      this.#copy(model, rows, at, run.offset);
      at = run.offset;
      while (at < run.offset + run.rows) at = this.#appendRun(model, rows, run, at);
    }
    this.#copy(model, rows, at, rows.rows);
  }

  /** Appends the next stretch of a run that is new or passes over one that is settled; returns where it ends. */
  #appendRun(model: Model, rows: Rows, run: NumberRun, from: number): number {
    const { marks } = model.state;
    const { source, epoch, offset } = run;
    const isSettled = (row: number) => marks.settled(source, epoch, run.seq + row - offset);
    const skip = isSettled(from);
    let to = from + 1;
    while (to < offset + run.rows && isSettled(to) === skip) to++;
    if (skip) return to;
    const sequence = model.ring.head + 1;
    const seq = run.seq + from - offset;
    this.#copy(model, rows, from, to, [{ offset: 0, rows: to - from, source, epoch, seq }]);
    model.draft.numbered(sequence, to - from, source, epoch, seq);
    return to;
  }

  #copy(model: Model, rows: Rows, from: number, to: number, numbering: readonly NumberRun[] = []): void {
    if (from >= to) return;
    const { ring } = model;
    const first = ring.head + 1;
    ring.append(rows, from, to);
    for (let r = from; rows.hasLate && r < to; r++) {
      if (rows.kinds[r] !== SAMPLE) model.late(ring.slotOf(first + r - from));
    }
    this.rows += to - from;
    model.draft.appended(first, rows);
    const missing = model.state.accept(ring.head, numbering);
    const run = numbering[0];
    if (missing > 0 && run !== undefined)
      this.tell(model, { event: "gap", source: run.source, epoch: run.epoch, missing });
  }

  item(): AdmittedItem {
    return {
      kind: "admitted",
      models: this.#models,
      messages: this.#messages,
      rows: this.rows,
      refusals: this.#refusals,
      refusalsUnkept: [...this.#unkept.values()],
      events: this.#events,
    };
  }
}

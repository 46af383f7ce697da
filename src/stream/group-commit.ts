import {
  asyncScheduler,
  concatMap,
  defer,
  filter,
  map,
  type Observable,
  type OperatorFunction,
  of,
  retry,
  type SchedulerLike,
  timer,
} from "rxjs";
import type { Refusal, RefusalCount, SavedState, Section, Transaction } from "../learner/transaction.ts";
import { alarm } from "./alarm.ts";
import { type CommitOptions, CommitPolicy, type Held } from "./commit-policy.ts";
import type { CommitNumber } from "./draft.ts";
import type {
  AdmittedItem,
  AppliedItem,
  Committed,
  Message,
  ModelMark,
  NamedEvent,
  SettledItem,
  StopItem,
  TrainedItem,
} from "./flow.ts";
import type { Model } from "./model.ts";
import { Windows } from "./windows.ts";

type In = AdmittedItem | TrainedItem | AppliedItem | SettledItem | StopItem;
type Tick = { readonly kind: "tick" };

const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 5000;

export interface GroupCommitOptions {
  readonly models: readonly Model[];
  readonly number: CommitNumber;
  /** Whether messages wait for slots of the rings, which a commit frees. */
  readonly gate: { readonly waiting: boolean };
  readonly policy: CommitOptions;
  /** Makes a transaction durable; errors when it could not, and may then be called again with the same one. */
  readonly commit: (transaction: Transaction) => Observable<void>;
  /** Tells the time of day for a transaction's `at`. The scheduler's clock is for waiting only, and may be another one. */
  readonly timeOfDay: () => number;
  /** Told each time a commit failed and will be retried after `delayMs`. */
  readonly onFailure: (error: unknown, delayMs: number) => void;
}

/**
 * Groups what happened to all models into transactions and commits them one at a time: while one is in flight the next
 * one fills. Emits after each commit what is durable now and who waits for it. A failed commit is retried unchanged.
 * Must be told `settled` after each emission, else it waits for ever.
 */
export function groupCommit(
  options: GroupCommitOptions,
  scheduler: SchedulerLike = asyncScheduler,
): OperatorFunction<In, Committed> {
  return (source) =>
    defer(() => {
      const policy = new CommitPolicy(options.policy, scheduler.now());
      const windows = new Windows();
      let filling = new FillingTransaction(windows);
      let inFlight = false;
      const dueAt = () => {
        if (inFlight || filling.empty) return null;
        return options.gate.waiting ? filling.lastAt : policy.dueAt(filling);
      };
      const seal = (item: In | Tick): Committed | null => {
        const now = scheduler.now();
        if (item.kind === "settled") {
          inFlight = false;
          windows.settled();
        } else if (item.kind !== "tick") filling.add(item, now);
        // The item that brought the rows follows what they trained, with their acks: do not commit between the two.
        if (item.kind === "trained") return null;
        if (inFlight || (!filling.stopped && (dueAt() ?? Number.POSITIVE_INFINITY) > now)) return null;
        const sealed = filling.seal(options.models, options.number, options.timeOfDay());
        policy.spend(filling.rows, now);
        windows.sealed(filling.held, now);
        filling = new FillingTransaction(windows);
        inFlight = true;
        return sealed;
      };
      const commit = (sealed: Committed) =>
        defer(() => (sealed.transaction === null ? of(undefined) : options.commit(sealed.transaction))).pipe(
          retry({
            delay: (error, count) => {
              const delayMs = Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** (count - 1));
              options.onFailure(error, delayMs);
              return timer(delayMs, scheduler);
            },
          }),
          map(() => {
            release(options.models, sealed.transaction);
            return sealed;
          }),
        );
      return source.pipe(
        alarm<In, Tick>(dueAt, { kind: "tick" }, scheduler),
        map(seal),
        filter((sealed) => sealed !== null),
        concatMap(commit),
      );
    });
}

function release(models: readonly Model[], transaction: Transaction | null): void {
  if (transaction === null) return;
  const byName = new Map(transaction.sections.map((section) => [section.model, section]));
  for (const model of models) {
    const section = byName.get(model.name);
    if (section === undefined) continue;
    model.durableSequence = section.firstSequence + section.rows - 1;
    model.release();
  }
}

/** Gathers who waits for the transaction being filled, and what the models' drafts do not hold. */
class FillingTransaction {
  rows = 0;
  changes = false;
  urgent = false;
  stopped = false;
  firstAt = Number.NaN;
  lastAt = Number.NaN;
  readonly held = new Map<number, { -readonly [K in keyof Held]: Held[K] }>();
  readonly #windows: Windows;
  readonly #messages: Message[] = [];
  readonly #replies: { command: AppliedItem["command"]; snapshot: number }[] = [];
  readonly #refusals: Refusal[] = [];
  readonly #refusalsUnkept: RefusalCount[] = [];
  readonly #events: NamedEvent[] = [];
  #touched = false;

  constructor(windows: Windows) {
    this.#windows = windows;
  }

  get empty(): boolean {
    return !this.#touched;
  }

  add(item: Exclude<In, SettledItem>, now: number): void {
    if (!this.#touched) this.firstAt = now;
    this.#touched = true;
    this.lastAt = now;
    switch (item.kind) {
      case "admitted":
        this.rows += item.rows;
        this.changes ||= item.models.size + item.refusals.length + item.refusalsUnkept.length > 0;
        this.#hold(item.messages, now);
        this.#refusals.push(...item.refusals);
        this.#refusalsUnkept.push(...item.refusalsUnkept);
        this.#events.push(...item.events);
        return;
      case "trained":
        this.changes = true;
        this.#events.push(...item.events);
        return;
      case "applied":
        this.urgent = true;
        this.#replies.push({ command: item.command, snapshot: item.snapshot });
        this.#events.push(...item.events);
        return;
      case "stop":
        this.urgent = true;
        this.stopped = true;
        return;
    }
  }

  /** Takes everything gathered, here and in the drafts. The transaction is null when nothing needs to become durable. */
  seal(models: readonly Model[], number: CommitNumber, at: number): Committed {
    const sections: Section[] = [];
    const states: SavedState[] = [];
    const marks: ModelMark[] = [];
    for (const model of models) {
      for (const mark of model.state.marks.takeChanged()) marks.push({ model: model.name, mark });
      if (model.draft.empty) continue;
      const sealed = model.draft.seal(model.name);
      if (sealed.section !== null) sections.push(sealed.section);
      states.push(...sealed.states);
    }
    const refusals = this.#refusals;
    const refusalsUnkept = this.#refusalsUnkept;
    const nothing = sections.length + states.length + refusals.length + refusalsUnkept.length === 0;
    const requests = this.#replies.flatMap(({ command, snapshot }) => {
      const made = states.find((state) => state.snapshot?.id === snapshot);
      if (made === undefined) throw new Error(`snapshot ${snapshot} is not in the transaction of its command`);
      return command.request(made, at) ?? [];
    });
    const transaction = nothing
      ? null
      : { id: number.filling, at, sections, states, refusals, refusalsUnkept, requests };
    if (transaction !== null) number.filling++;
    return {
      transaction,
      messages: this.#messages,
      replies: this.#replies,
      events: this.#events,
      marks,
      last: this.stopped,
    };
  }

  #hold(messages: readonly Message[], now: number): void {
    for (const message of messages) {
      this.#messages.push(message);
      if (message.qos === 0) continue;
      const held = this.held.get(message.connection);
      const shown = this.#windows.sends(message.connection, now);
      if (held === undefined) this.held.set(message.connection, { messages: 1, lastAt: now, shown });
      else {
        held.messages++;
        held.lastAt = now;
        held.shown = shown;
      }
    }
  }
}

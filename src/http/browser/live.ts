// What the dashboard knows of the daemon, kept up to date by events: nothing is polled. A hidden tab lets the connection go.

import type { ModelStatus, Numbers, Status } from "./answers.ts";
import { ApiError, ask } from "./api.ts";
import type { ServerEvent } from "./event-reader.ts";
import { EventStream } from "./event-stream.ts";
import { noteTold, Pace } from "./pace.ts";
import { Signal } from "./signal.ts";

export type Connection = "connecting" | "live" | "lost" | "paused" | "refused";

/** Is something that happened to a model. */
export interface Happened {
  readonly kind: string;
  readonly model: string;
  readonly at: string;
  readonly step: number | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Is a score at a step. */
export interface Scored {
  readonly step: number;
  readonly quality: number;
  readonly baseline: number | null;
}

/** Shortest time between two looks at the status. */
const STATUS_MS = 2000;
/** A tab that is hidden for longer lets go. */
const HIDDEN_MS = 5000;
const HAPPENED_MAX = 200;
const SCORES_MAX = 2000;

export class Live {
  /** The status is new, or a step came. */
  readonly changed = new Signal<void>();
  readonly connected = new Signal<Connection>();
  readonly happened = new Signal<Happened>();
  status: Status | null = null;
  /** When the status was read. */
  statusAtMs = 0;
  connection: Connection = "connecting";
  /** The newest first. */
  readonly news: Happened[] = [];
  readonly #scores = new Map<string, Scored[]>();
  readonly #stream: EventStream;
  readonly #pace = new Pace(STATUS_MS, () => this.#readStatus());
  #isDue = false;
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#stream = new EventStream({
      onEvent: (event) => this.#take(event),
      onOpen: () => {
        this.#become("live");
        this.refresh();
      },
      onLost: (status) => this.#become(status === 401 || status === 403 ? "refused" : "lost"),
    });
    document.addEventListener("visibilitychange", () => this.#look());
    window.addEventListener("online", () => this.retry());
    this.#stream.open();
    this.refresh();
  }

  model(name: string): ModelStatus | null {
    return this.status?.models[name] ?? null;
  }

  /** The scores of a model that were seen, oldest first. */
  scores(name: string): readonly Scored[] {
    return this.#scores.get(name) ?? [];
  }

  /** Reads the status soon. */
  refresh(): void {
    this.#pace.ask();
  }

  /** Connects at once. */
  retry(): void {
    this.#stream.retry();
    this.refresh();
  }

  async #readStatus(): Promise<void> {
    try {
      this.status = await ask<Status>("status");
      this.statusAtMs = Date.now();
      for (const [name, model] of Object.entries(this.status.models)) this.#note(name, model);
      this.changed.tell();
    } catch (error) {
      if (error instanceof ApiError && error.code === "token-needed") this.#become("refused");
    }
  }

  #note(name: string, { step, worth, metrics }: ModelStatus): void {
    const { window } = metrics ?? {};
    this.#score(name, step, window?.accuracy ?? window?.rmse, worth?.baseline ?? null);
  }

  #score(name: string, step: number, quality: number | null | undefined, baseline: number | null): void {
    if (quality == null) return;
    const scores = this.#scores.get(name) ?? [];
    this.#scores.set(name, scores);
    if (step <= (scores.at(-1)?.step ?? 0)) return;
    scores.push({ step, quality, baseline });
    // Half of the former ones go: they are all of one weight on the chart.
    if (scores.length > SCORES_MAX) scores.splice(0, scores.length, ...scores.filter((_, i) => i % 2 === 1));
  }

  #take({ name, data }: ServerEvent): void {
    let told: Record<string, unknown>;
    try {
      told = JSON.parse(data) as Record<string, unknown>;
    } catch {
      return;
    }
    if (name === "step") return this.#stepped(told);
    const kind = name === "event" ? String(told["event"] ?? "event") : name;
    const model = String(told["model"] ?? "");
    const at = typeof told["at"] === "string" ? told["at"] : new Date().toISOString();
    const step = typeof told["step"] === "number" ? told["step"] : (this.model(model)?.step ?? null);
    const one = { kind, model, at, step, data: told };
    this.news.unshift(one);
    this.news.length = Math.min(this.news.length, HAPPENED_MAX);
    this.happened.tell(one);
    this.refresh();
  }

  #stepped(told: Readonly<Record<string, unknown>>): void {
    const { status } = this;
    const name = String(told["model"] ?? "");
    const model = status?.models[name];
    if (status === null || model === undefined) return;
    const { at: _, model: __, metrics, ...numbers } = told;
    const now = { ...model, ...(numbers as Partial<ModelStatus>) };
    noteTold(name, now.step - model.step, performance.now());
    if (now.step !== model.step) this.refresh();
    this.status = { ...status, models: { ...status.models, [name]: now } };
    const scores = metrics as Numbers | null | undefined;
    this.#score(name, now.step, scores?.["accuracy"] ?? scores?.["rmse"], model.worth?.baseline ?? null);
    this.#tellSoon();
  }

  /** Events of all models come in one piece: that something has changed is told once, after the last of them. */
  #tellSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.changed.tell();
    });
  }

  #look(): void {
    clearTimeout(this.#hiddenTimer);
    if (document.hidden) {
      this.#hiddenTimer = setTimeout(() => {
        this.#stream.close();
        this.#become("paused");
      }, HIDDEN_MS);
    } else if (this.connection !== "live") this.retry();
  }

  #become(connection: Connection): void {
    if (this.connection === connection) return;
    this.connection = connection;
    this.connected.tell(connection);
  }
}

import type { Section } from "../learner/transaction.ts";
import type { JournalQuery } from "../store/journal-page.ts";
import type { CommitRecord } from "../store/store.ts";
import type { StoreThread } from "../store/store-thread.ts";

/** Commits read at a time, so that no read holds the database for long. */
const COMMITS_PER_PAGE = 1000;

/** Yields the journal of some models, each from a commit on, in pages; the next one is read while one is worked on. */
export async function* pagesFrom(
  store: StoreThread,
  models: JournalQuery["models"],
): AsyncGenerator<readonly CommitRecord[]> {
  const begin = Math.min(...models.map(({ from }) => from));
  const read = (first: number) => store.commits({ from: first, limit: COMMITS_PER_PAGE, models });
  let next = read(begin);
  for (let page = await next; page.length > 0; page = await next) {
    next = read((page.at(-1)?.id ?? 0) + 1);
    // Whoever stops in between does not wait for it.
    next.catch(() => {});
    yield page;
  }
}

/** Yields a model's sections from a commit on, in order. */
export async function* sectionsFrom(store: StoreThread, model: string, from: number): AsyncGenerator<Section> {
  for await (const page of pagesFrom(store, [{ name: model, from }])) {
    for (const { sections } of page) yield* sections;
  }
}

/** Reads ahead the learner states that rollbacks in a journal went back to, for replay itself waits for nothing. */
export class RollbackStates {
  readonly #store: StoreThread;
  readonly #states = new Map<number, () => Uint8Array>();

  constructor(store: StoreThread) {
    this.#store = store;
  }

  /** Reads what a section needs. What cannot be read is told when it is asked for, for it may be behind the replay. */
  async read(section: Section): Promise<void> {
    for (const entry of section.entries) {
      if (entry.type !== "command" || entry.command.kind !== "rollback") continue;
      const { snapshot } = entry.command;
      const state = await this.#store.state(snapshot).then(
        ({ learner }) =>
          () =>
            learner,
        (error) => () => {
          throw error;
        },
      );
      this.#states.set(snapshot, state);
    }
  }

  /** Gives the learner state of a snapshot that a section which was read goes back to. Throws what `state` throws. */
  learnerStateOf(snapshot: number): Uint8Array {
    const state = this.#states.get(snapshot);
    if (state === undefined) throw new Error(`the state of snapshot ${snapshot} was not read ahead`);
    return state();
  }
}

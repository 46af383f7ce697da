/** Runs pieces of work one after the other, in the order in which they are given. */
export type OneAtATime = <T>(work: () => Promise<T>) => Promise<T>;

/** Makes a queue of its own. One that fails does not keep the next from running. */
export function oneAtATime(): OneAtATime {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}

import type { RelayContext } from "./context.ts";
import { allSafe, type Move } from "./lanes.ts";

/** Releases batches in order, each when all that it moved to lanes is safe there. The stream need not wait for that. */
export type Releases = {
  /** At once when nothing has to be waited for. */
  readonly add: (count: number, moves: readonly Move[]) => void;
  /** Entries that wait for their release. */
  readonly waiting: () => number;
  /** Resolves when none waits, or the relay stops. */
  readonly done: () => Promise<unknown>;
};

export const createReleases = (context: RelayContext): Releases => {
  const { journal } = context;
  let last: Promise<boolean> | null = null;
  let waiting = 0;

  const release = async (before: Promise<boolean> | null, count: number, moves: readonly Move[]) => {
    // What is not released is read again at the next start, and all behind it.
    if (before !== null && !(await before)) return false;
    if (!(await allSafe(context, moves))) return false;
    journal.release(count);
    waiting -= count;
    if (waiting === 0) last = null;
    return true;
  };

  return {
    add: (count, moves) => {
      if (last === null && moves.length === 0) return journal.release(count);
      waiting += count;
      last = release(last, count, moves);
    },
    waiting: () => waiting,
    done: () => last ?? Promise.resolve(),
  };
};

/** What comes and goes, each under a number from 1 that it keeps as long as it is there; numbers are used again. */
export type Numbered<T> = {
  /** How many there are. */
  readonly count: () => number;
  readonly at: (number: number) => T | null;
  readonly add: (item: T) => number;
  /** Throws when there is none: its number would become that of two. */
  readonly remove: (number: number) => void;
  readonly all: () => Iterable<readonly [number, T]>;
};

/**
 * Not a map: one that is added to and deleted from leaves its old tables behind, which go on holding what was in them, and
 * all that hangs on that, until the collector gets to the old generation.
 */
export const createNumbered = <T>(): Numbered<T> => {
  const items: (T | null)[] = [null];
  const free: number[] = [];
  const at = (number: number): T | null => items[number] ?? null;
  return {
    count: () => items.length - 1 - free.length,
    at,
    add: (item) => {
      const number = free.pop() ?? items.length;
      items[number] = item;
      return number;
    },
    remove: (number) => {
      if (at(number) === null) throw new RangeError(`nothing has the number ${number}`);
      items[number] = null;
      free.push(number);
    },
    *all() {
      for (const [number, item] of items.entries()) if (item !== null) yield [number, item];
    },
  };
};

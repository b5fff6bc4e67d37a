/** First in, first out, with look-up by place. */
export type Queue<T> = {
  readonly length: () => number;
  /** The i-th oldest; undefined when there is none. */
  readonly at: (index: number) => T | undefined;
  readonly push: (item: T) => void;
  readonly shift: () => T | undefined;
  readonly clear: () => void;
};

/** A power of two. */
const smallest = 1024;

const ringOf = <T>(size: number): (T | undefined)[] => Array.from({ length: size });

/**
 * A ring, which moves nothing: each array that is left behind would go on holding what was in it, and all that hangs on
 * that, until the collector gets to the old generation.
 */
export const createQueue = <T>(): Queue<T> => {
  let ring = ringOf<T>(smallest);
  let head = 0;
  let length = 0;
  const placeOf = (index: number): number => (head + index) & (ring.length - 1);

  const grow = (): void => {
    const larger = ringOf<T>(2 * ring.length);
    for (let index = 0; index < length; index += 1) larger[index] = ring[placeOf(index)];
    ring.fill(undefined);
    ring = larger;
    head = 0;
  };

  return {
    length: () => length,
    at: (index) => (index < 0 || index >= length ? undefined : ring[placeOf(index)]),
    push: (item) => {
      if (length === ring.length) grow();
      ring[placeOf(length)] = item;
      length += 1;
    },
    shift: () => {
      if (length === 0) return undefined;
      const item = ring[head];
      ring[head] = undefined;
      head = placeOf(1);
      length -= 1;
      return item;
    },
    clear: () => {
      ring = ringOf(smallest);
      head = 0;
      length = 0;
    },
  };
};

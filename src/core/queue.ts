/** First in, first out, with look-up by place: an array that forgets its front now and then, not at every `shift`. */
export type Queue<T> = {
  readonly length: () => number;
  /** The i-th oldest; undefined when there is none. */
  readonly at: (index: number) => T | undefined;
  readonly push: (item: T) => void;
  readonly shift: () => T | undefined;
  readonly clear: () => void;
};

/** Below this many forgotten places, moving the rest costs more than they hold. */
const worthMoving = 1024;

export const createQueue = <T>(): Queue<T> => {
  let items: (T | undefined)[] = [];
  let head = 0;
  return {
    length: () => items.length - head,
    at: (index) => (index < 0 ? undefined : items[head + index]),
    push: (item) => {
      items.push(item);
    },
    shift: () => {
      if (head === items.length) return undefined;
      const item = items[head];
      items[head] = undefined;
      head += 1;
      if (head >= worthMoving && head * 2 >= items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
    clear: () => {
      items = [];
      head = 0;
    },
  };
};

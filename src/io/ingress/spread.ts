/** What is done within a slice: a share of all that is due, and at least so many. */
const sliceMs = 10;
const sliceShare = 1 / 50;
const sliceAtLeast = 20;

/** Calls each in turn, many of them over a second or so. */
export type Spread = (act: () => void) => void;

/**
 * For what nobody waits for. A thousand connections that were opened together are over together: ended together, they
 * would keep everybody else waiting, and would all come back together too.
 */
export const createSpread = (): Spread => {
  let due: (() => void)[] = [];
  const next = (): void => {
    const count = Math.max(sliceAtLeast, Math.ceil(due.length * sliceShare));
    const slice = due.slice(0, count);
    due = due.slice(count);
    if (due.length > 0) setTimeout(next, sliceMs);
    for (const act of slice) act();
  };
  return (act) => {
    if (due.length === 0) setImmediate(next);
    due.push(act);
  };
};

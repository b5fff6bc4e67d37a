/** All that is due at once is done within 50 slices: half a second more, for whoever is too slow beside a thousand others. */
const sliceMs = 10;
const slices = 50;
const sliceAtLeast = 20;

/** Calls each in turn: a few at once, or many over half a second. */
export type Spread = (act: () => void) => void;

/**
 * For what nobody waits for. A thousand connections that were opened together are over together: ended together, they
 * would keep everybody else waiting, and would all come back together too.
 */
export const createSpread = (): Spread => {
  let due: (() => void)[] = [];
  let slice = sliceAtLeast;
  const next = (): void => {
    slice = Math.max(slice, Math.ceil(due.length / slices));
    const now = due.splice(0, slice);
    if (due.length > 0) setTimeout(next, sliceMs);
    else slice = sliceAtLeast;
    for (const act of now) act();
  };
  return (act) => {
    if (due.length === 0) setImmediate(next);
    due.push(act);
  };
};

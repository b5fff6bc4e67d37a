const quietMs = 10_000;

/** Writes the first line of a kind at once; what follows within 10 s is counted and told by the next line. */
export const createLineLimit = (clock: () => number) => {
  const last = new Map<string, { at: number; suppressed: number }>();
  return (kind: string, write: (more: { suppressed?: number }) => void): void => {
    const before = last.get(kind);
    // A clock that jumped back would keep the kind quiet for as long as the jump.
    if (before !== undefined && Math.abs(clock() - before.at) < quietMs) {
      before.suppressed += 1;
      return;
    }
    last.set(kind, { at: clock(), suppressed: 0 });
    write(before !== undefined && before.suppressed > 0 ? { suppressed: before.suppressed } : {});
  };
};

const linesPerSecond = 5;

/** For lines on single deliveries: so many a second; how many were left out is told by the next one. */
export const createLineBudget = (clock: () => number) => {
  let second = -1;
  let written = 0;
  let suppressed = 0;
  return (write: (more: { suppressed?: number }) => void): void => {
    const now = Math.floor(clock() / 1000);
    if (now !== second) [second, written] = [now, 0];
    if (written >= linesPerSecond) {
      suppressed += 1;
      return;
    }
    written += 1;
    write(suppressed > 0 ? { suppressed } : {});
    suppressed = 0;
  };
};

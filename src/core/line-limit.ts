const quietMs = 10_000;
const longestQuietMs = 300_000;

/**
 * Writes the first line of a kind at once; what follows within 10 s is counted and told by the next line. What goes on
 * and on is told ever more seldom, down to once in five minutes.
 */
export const createLineLimit = (clock: () => number) => {
  const last = new Map<string, { at: number; quietMs: number; suppressed: number }>();
  return {
    line: (kind: string, write: (more: { suppressed?: number }) => void): void => {
      const before = last.get(kind);
      // A clock that jumped back would keep the kind quiet for as long as the jump.
      const since = before === undefined ? Infinity : Math.abs(clock() - before.at);
      if (before !== undefined && since < before.quietMs) {
        before.suppressed += 1;
        return;
      }
      const goesOn = before !== undefined && since < 3 * before.quietMs;
      const nextMs = goesOn ? Math.min(2 * before.quietMs, longestQuietMs) : quietMs;
      last.set(kind, { at: clock(), quietMs: nextMs, suppressed: 0 });
      write(before !== undefined && before.suppressed > 0 ? { suppressed: before.suppressed } : {});
    },
    /** The kinds that begin so are told at once the next time. */
    forget: (beginning: string): void => {
      for (const kind of last.keys()) if (kind.startsWith(beginning)) last.delete(kind);
    },
  };
};

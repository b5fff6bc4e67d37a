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

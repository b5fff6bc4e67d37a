import type { FigureName, Results, Section } from "./results.ts";

type Column = { readonly title: string; readonly figure: FigureName; readonly digits: number };

const columns: readonly Column[] = [
  { title: "callbacks/s", figure: "callbacksPerSecond", digits: 0 },
  { title: "CPU µs each", figure: "cpuMicrosPerCallback", digits: 1 },
  { title: "p50 ms", figure: "p50Ms", digits: 2 },
  { title: "p99 ms", figure: "p99Ms", digits: 2 },
  { title: "p99.9 ms", figure: "p999Ms", digits: 1 },
  { title: "p99.9 ms at half load", figure: "halfP999Ms", digits: 1 },
  { title: "RSS MB", figure: "rssMb", digits: 0 },
  { title: "core used", figure: "coreShare", digits: 2 },
  { title: "disk bytes each", figure: "writtenBytesPerCallback", digits: 0 },
  { title: "not 200", figure: "notAcknowledged", digits: 0 },
];

/** Columns as wide as their widest cell; the first to the left, all others to the right. */
const toTable = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const toLine = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ");
  return rows.map(toLine).join("\n");
};

const comparisonTable = ({ candidates, spread }: Results): string => {
  const rows = Object.entries(candidates).map(([name, figures]) => {
    const spreads = Object.entries(spread).find(([other]) => other === name)?.[1];
    const cells = columns.map(({ figure, digits }) => {
      const { minimum, maximum } = spreads?.[figure] ?? { minimum: 0, maximum: 0 };
      const [middle, low, high] = [figures[figure], minimum, maximum].map((value) => value.toFixed(digits));
      return low === high ? `${middle}` : `${middle} (${low}–${high})`;
    });
    return [name, ...cells];
  });
  return toTable([["", ...columns.map(({ title }) => title)], ...rows]);
};

const sectionTable = ([name, { figures }]: [string, Section]): string =>
  `${name}\n${toTable(Object.entries(figures).map(([figure, value]) => [`  ${figure}`, String(value)]))}`;

const targetTable = ({ targets }: Results): string =>
  toTable(
    targets.map(({ name, value, limit, reached }) => [
      name,
      String(value),
      limit,
      reached ? "reached" : "NOT reached",
    ]),
  );

const machineLines = ({ machine }: Results): string =>
  `${machine.cores} × ${machine.cpu}, ${machine.memoryGb} GB, Node ${machine.node}; ${machine.pinning}\n` +
  `${machine.kafka}; ${machine.load}`;

/** For the terminal. */
export const toReport = (results: Results): string => {
  const { candidates, comparison, more, targets } = results;
  return [
    machineLines(results),
    ...(comparison === null || Object.keys(candidates).length === 0
      ? []
      : [
          `Medians of ${comparison.rounds} rounds (lowest–highest), ${comparison.startedAt}, ${comparison.command}`,
          comparisonTable(results),
        ]),
    ...Object.entries(more).map(sectionTable),
    ...(targets.length === 0 ? [] : [targetTable(results)]),
  ].join("\n\n");
};

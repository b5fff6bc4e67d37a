export type Row = readonly string[];

const cellsOf = (line: string): Row =>
  line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll(String.raw`\|`, "|"));

/** The table that begins with this head, without the head. */
export const readTable = (text: string, head: Row): readonly Row[] => {
  const lines = text.split("\n");
  const isHead = (line: string): boolean =>
    line.startsWith("|") && cellsOf(line).join("|") === head.join("|");
  const start = lines.findIndex(isHead);
  if (start === -1) throw new Error(`no table ${head.join(", ")}`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  return lines.slice(start + 2, length === -1 ? undefined : start + length).map(cellsOf);
};

const writeRow = (row: Row): string =>
  `| ${row.map((cell) => cell.replaceAll("|", String.raw`\|`)).join(" | ")} |`;

export const writeTable = (head: Row, rows: readonly Row[]): string =>
  [head, head.map(() => "---"), ...rows].map(writeRow).join("\n");

export const code = (text: string): string => (text === "" ? "" : `\`${text}\``);

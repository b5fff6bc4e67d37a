const units = ["B", "KiB", "MiB", "GiB", "TiB"];

export const sizeText = (bytes: number): string => {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ""}`;
};

export const countText = (count: number, thing: string): string =>
  `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;

/** The two greatest units. */
export const ageText = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const begin = parts.findIndex(([value]) => value > 0);
  if (begin === -1) return "0 s";
  return parts
    .slice(begin, begin + 2)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
};

/** Beyond these a time cannot be written, and only damage or a foreign clock gives one. */
const greatestTime = 8.64e15;

export const timeText = (ms: number): string =>
  Math.abs(ms) <= greatestTime ? new Date(ms).toISOString() : String(ms);

const longest = 80;

/** A text that came from outside, on one line and without anything that a terminal would obey. */
export const safeText = (text: string): string => text.slice(0, longest).replace(/[\p{C}\p{Z}]/gu, "?");

export const row = (cells: readonly string[], widths: readonly number[]): string =>
  cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join("  ")
    .trimEnd();

/** As wide as its widest cells need. */
export const table = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths: number[] = [];
  for (const cells of rows)
    for (const [i, cell] of cells.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((cells) => row(cells, widths));
};

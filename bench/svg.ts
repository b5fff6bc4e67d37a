import type { FigureName, Results } from "./results.ts";

type Panel = { readonly title: string; readonly figure: FigureName; readonly digits: number };

const panels: readonly Panel[] = [
  { title: "Callbacks a second, flat out (more is better)", figure: "callbacksPerSecond", digits: 0 },
  { title: "CPU per callback, µs (less is better)", figure: "cpuMicrosPerCallback", digits: 0 },
  { title: "Reply p99 at a steady rate, ms (less is better)", figure: "p99Ms", digits: 1 },
];

const [width, labelWidth, valueWidth] = [760, 130, 150];
const [barHeight, barGap, panelHead, panelGap] = [18, 6, 26, 22];
const colours = {
  background: "#ffffff",
  text: "#1f2933",
  quiet: "#52606d",
  bar: "#2f6fde",
  other: "#9aa5b1",
};

/** Not the bridge, but what it is measured against. */
const isYardstick = (name: string): boolean => name === "floor" || name === "usual-way";

type Bar = { readonly name: string; readonly value: number; readonly low: number; readonly high: number };
type Scale = { readonly pixelsPerUnit: number; readonly digits: number };

const barsOf = ({ candidates, spread }: Results, figure: FigureName): readonly Bar[] => {
  const spreads = new Map(Object.entries(spread));
  return Object.entries(candidates).map(([name, figures]) => {
    const value = figures[figure];
    const { minimum, maximum } = spreads.get(name)?.[figure] ?? { minimum: value, maximum: value };
    return { name, value, low: minimum, high: maximum };
  });
};

const drawBar = (bar: Bar, y: number, { pixelsPerUnit, digits }: Scale): string => {
  const [length, low, high] = [bar.value, bar.low, bar.high].map((value) =>
    Math.round(value * pixelsPerUnit),
  );
  const middle = y + barHeight / 2;
  const label = `${bar.value.toFixed(digits)} (${bar.low.toFixed(digits)}–${bar.high.toFixed(digits)})`;
  return [
    `<text x="${labelWidth - 8}" y="${middle + 4}" text-anchor="end" fill="${colours.text}">${bar.name}</text>`,
    `<rect x="${labelWidth}" y="${y}" width="${length}" height="${barHeight}" fill="${isYardstick(bar.name) ? colours.other : colours.bar}"/>`,
    `<line x1="${labelWidth + (low ?? 0)}" x2="${labelWidth + (high ?? 0)}" y1="${middle}" y2="${middle}" stroke="${colours.text}"/>`,
    `<text x="${labelWidth + Math.max(length ?? 0, high ?? 0) + 8}" y="${middle + 4}" fill="${colours.quiet}">${label}</text>`,
  ].join("\n");
};

const drawPanel = (results: Results, { title, figure, digits }: Panel, top: number): string => {
  const bars = barsOf(results, figure);
  const pixelsPerUnit = (width - labelWidth - valueWidth) / Math.max(1e-9, ...bars.map(({ high }) => high));
  return [
    `<text x="${labelWidth}" y="${top + 14}" font-weight="bold" fill="${colours.text}">${title}</text>`,
    ...bars.map((bar, index) =>
      drawBar(bar, top + panelHead + index * (barHeight + barGap), { pixelsPerUnit, digits }),
    ),
  ].join("\n");
};

/** Bars are medians, the lines in them go from the lowest round to the highest. */
export const drawChart = (results: Results): string => {
  const bars = Object.keys(results.candidates).length;
  const panelHeight = panelHead + bars * (barHeight + barGap) + panelGap;
  const height = panels.length * panelHeight + 40;
  const { cores, cpu, node } = results.machine;
  const note = `Medians of ${results.comparison?.rounds ?? 0} rounds (lowest–highest). ${cores} × ${cpu}, Node ${node}.`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="${colours.background}"/>`,
    ...panels.map((panel, index) => drawPanel(results, panel, 14 + index * panelHeight)),
    `<text x="${labelWidth}" y="${height - 14}" fill="${colours.quiet}">${note}</text>`,
    "</svg>\n",
  ].join("\n");
};

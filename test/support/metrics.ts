type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

export type Metrics = {
  readonly samples: readonly Sample[];
  /** Sum of all samples of a metric (named without our prefix) that have these labels; 0 when there is none. */
  readonly sum: (name: string, labels?: Readonly<Record<string, string>>) => number;
};

const toSample = (line: string): Sample => {
  const [, name = "", labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === "") throw new Error(`no sample of Prometheus: ${line}`);
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [
    key,
    text,
  ]);
  return { name, labels: Object.fromEntries(pairs), value: Number(value) };
};

/** Of the text that Prometheus scrapes. */
export const parseMetrics = (text: string): Metrics => {
  const samples = text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(toSample);
  return {
    samples,
    sum: (name, wanted = {}) =>
      samples
        .filter((sample) => sample.name === `esign_bridge_${name}`)
        .filter(({ labels }) => Object.entries(wanted).every(([key, value]) => labels[key] === value))
        .reduce((total, { value }) => total + value, 0),
  };
};

import type { Results } from "./results.ts";

type Target = {
  readonly name: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Undefined as long as what it needs has not been measured. */
  readonly of: (results: Results) => number | undefined;
};

export type TargetOutcome = {
  readonly name: string;
  readonly value: number;
  readonly limit: string;
  readonly reached: boolean;
};

const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a / b;

const figure =
  (section: string, name: string) =>
  ({ more }: Results): number | undefined =>
    more[section]?.figures[name];

/** Of one section: the first figure to the second. */
const ratioOf =
  (section: string, [first, second]: readonly [string, string]) =>
  (results: Results): number | undefined =>
    ratio(figure(section, first)(results), figure(section, second)(results));

const targets: readonly Target[] = [
  {
    name: "callbacks per CPU second, disk journal (published) : usual way",
    atLeast: 3,
    of: ({ candidates: { "disk-published": disk, "usual-way": usual } }) =>
      ratio(usual?.cpuMicrosPerCallback, disk?.cpuMicrosPerCallback),
  },
  {
    name: "callbacks per CPU second, memory journal : usual way",
    atLeast: 2,
    of: ({ candidates: { memory, "usual-way": usual } }) =>
      ratio(usual?.cpuMicrosPerCallback, memory?.cpuMicrosPerCallback),
  },
  {
    name: "reply p99 at the steady rate, memory journal : usual way",
    atMost: 1.25,
    of: ({ candidates: { memory, "usual-way": usual } }) => ratio(memory?.p99Ms, usual?.p99Ms),
  },
  {
    name: "reply p99 at the steady rate, disk journal : usual way",
    atMost: 1.1,
    of: ({ candidates: { "disk-published": disk, "usual-way": usual } }) => ratio(disk?.p99Ms, usual?.p99Ms),
  },
  {
    name: "CPU per callback, disk journal (published) : memory journal",
    atMost: 1.1,
    of: ({ candidates: { "disk-published": disk, memory } }) =>
      ratio(disk?.cpuMicrosPerCallback, memory?.cpuMicrosPerCallback),
  },
  {
    name: "callbacks/s, disk journal (published) : floor",
    atLeast: 0.75,
    of: ({ candidates: { "disk-published": disk, floor } }) =>
      ratio(disk?.callbacksPerSecond, floor?.callbacksPerSecond),
  },
  {
    name: "CPU per callback, disk journal (published) : floor",
    atMost: 1.35,
    of: ({ candidates: { "disk-published": disk, floor } }) =>
      ratio(disk?.cpuMicrosPerCallback, floor?.cpuMicrosPerCallback),
  },
  {
    name: "reply p99.9 at half load, disk journal, ms",
    atMost: 50,
    of: ({ candidates: { "disk-published": disk } }) => disk?.halfP999Ms,
  },
  {
    name: "CPU at rest, disk journal, share of a core",
    atMost: 0.005,
    of: figure("idle", "disk-published.coreShare"),
  },
  {
    name: "longest answer at the steady rate, disk journal, ms",
    atMost: 100,
    of: figure("memory", "disk-published.maxMs"),
  },
  {
    name: "CPU per callback at 256 connections, disk journal (published) : floor",
    atMost: 1.35,
    of: ratioOf("growth", [
      "disk-published.connections-256.cpuMicrosPerCallback",
      "floor.connections-256.cpuMicrosPerCallback",
    ]),
  },
  {
    name: "callbacks/s at 256 connections, disk journal (published) : floor",
    atLeast: 0.75,
    of: ratioOf("growth", [
      "disk-published.connections-256.callbacksPerSecond",
      "floor.connections-256.callbacksPerSecond",
    ]),
  },
  {
    name: "memory after a minute at the steady rate : after warm-up, memory journal",
    atMost: 1.1,
    of: figure("memory", "memory.growth"),
  },
  {
    name: "memory after a minute at the steady rate : after warm-up, disk journal",
    atMost: 1.1,
    of: figure("memory", "disk-published.growth"),
  },
  {
    name: "first answer after a cold start, seconds",
    atMost: 1.5,
    of: figure("cold-start", "memory.seconds"),
  },
  {
    name: "first answer after a cold start, disk journal, seconds",
    atMost: 1.5,
    of: figure("cold-start", "disk-published.seconds"),
  },
  {
    name: "callbacks/s with the broker stopped, disk journal (stored) : floor",
    atLeast: 0.8,
    of: figure("outage", "storedToFloor"),
  },
  { name: "backlog: drain rate : highest accept rate", atLeast: 1.5, of: figure("backlog", "drainToAccept") },
  { name: "backlog: resident memory at most, MB", atMost: 300, of: figure("backlog", "peakRssMb") },
  {
    name: "backlog: first answer after a start, seconds",
    atMost: 5,
    of: figure("backlog", "firstAnswerSeconds"),
  },
  {
    name: "backlog: records in Kafka fewer than callbacks kept",
    atMost: 0,
    of: figure("backlog", "fewerInKafka"),
  },
  {
    name: "duplicates after kill -9 at 1,000 callbacks/s",
    atMost: 1000,
    of: figure("duplicates", "duplicates"),
  },
  {
    name: "callbacks/s, WORKERS=2 : one thread",
    atLeast: 1.7,
    of: figure("workers", "throughputRatio"),
  },
  {
    name: "callbacks/s that the busiest thread allows, WORKERS=2 : one thread",
    atLeast: 1.7,
    of: figure("workers", "throughputRatioAllowed"),
  },
  { name: "CPU per callback, WORKERS=2 : one thread", atMost: 1.15, of: figure("workers", "cpuRatio") },
];

const outcomeOf = ({ name, atLeast, atMost, of }: Target, results: Results): TargetOutcome[] => {
  const value = of(results);
  if (value === undefined) return [];
  const [low, high] = [atLeast ?? Number.NEGATIVE_INFINITY, atMost ?? Number.POSITIVE_INFINITY];
  const limit = atLeast === undefined ? `at most ${Number(high.toFixed(3))}` : `at least ${low}`;
  return [{ name, value: Number(value.toFixed(3)), limit, reached: value >= low && value <= high }];
};

/** Of all that has been measured. */
export const targetOutcomes = (results: Results): readonly TargetOutcome[] =>
  targets.flatMap((target) => outcomeOf(target, results));

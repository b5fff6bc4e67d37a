import { cpus } from "node:os";
import type { Options } from "../options.ts";
import { coresForWorkers, type Place } from "../place.ts";
import { runFlatOut } from "../run-load.ts";
import { type Server, startServer } from "../server.ts";
import { median, spreadOf, sumOf } from "../statistics.ts";
import type { Measurement } from "./measurement.ts";

const name = "disk-published";
/** Of the usual warm-up: each thread compiles its code for itself, and sees only its part of the callbacks. */
const longerWarmUp = 2;
/** Then all start anew: how well their code is compiled differs from one start to the next. */
const roundsPerStart = 2;
/** Seconds in front of each round of a server that is warm. */
const settleSeconds = 0.5;

/**
 * One thread; `WORKERS=2`; and, to tell what a core costs that several must share, two bridges of one thread each that have
 * half of the connections.
 */
const kinds = {
  one: { workers: 1, bridges: 1 },
  two: { workers: 2, bridges: 1 },
  apart: { workers: 1, bridges: 2 },
} as const;
type Kind = keyof typeof kinds;
const kindNames = ["one", "two", "apart"] as const satisfies readonly Kind[];

type Round = { readonly perSecond: number; readonly cpuMicros: number; readonly busiestMicros: number };

/** All at once, and what they take together. */
const measureRound = async (servers: readonly Server[], options: Options): Promise<Round> => {
  const connections = Math.ceil(options.connections / servers.length);
  const loads = await Promise.all(servers.map((server) => runFlatOut({ ...options, connections }, server)));
  const acknowledged = sumOf(loads.map((load) => load.acknowledged));
  return {
    perSecond: sumOf(loads.map((load) => load.acknowledged / load.seconds)),
    cpuMicros: (sumOf(loads.map(({ cpuSeconds }) => cpuSeconds)) * 1e6) / acknowledged,
    busiestMicros:
      (Math.max(...loads.map(({ busiestThreadSeconds }) => busiestThreadSeconds)) * 1e6) / acknowledged,
  };
};

const startKind = async (
  kind: Kind,
  place: Place,
  stack: AsyncDisposableStack,
): Promise<readonly Server[]> => {
  const { workers, bridges } = kinds[kind];
  const servers: Server[] = [];
  while (servers.length < bridges)
    servers.push(stack.use(await startServer(name, place, { env: { WORKERS: String(workers) } })));
  return servers;
};

type Rounds = Readonly<Record<Kind, Round[]>>;
type Report = (line: string) => void;

const lineOf = (kind: Kind, { perSecond, cpuMicros, busiestMicros }: Round): string =>
  `${kind}: ${Math.round(perSecond)}/s, ${cpuMicros.toFixed(1)} µs of CPU, ${busiestMicros.toFixed(1)} µs of it in the busiest thread`;

const measureStart = async (
  options: Options,
  place: Place,
  [rounds, report]: readonly [Rounds, Report],
): Promise<void> => {
  await using stack = new AsyncDisposableStack();
  const started = new Map<Kind, readonly Server[]>();
  for (const kind of kindNames) {
    const servers = await startKind(kind, place, stack);
    await measureRound(servers, { ...options, warmUpSeconds: options.warmUpSeconds * longerWarmUp });
    started.set(kind, servers);
  }
  const settled = { ...options, warmUpSeconds: Math.min(settleSeconds, options.warmUpSeconds) };
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [kind, servers] of started) {
      const measured = await measureRound(servers, settled);
      rounds[kind].push(measured);
      report(lineOf(kind, measured));
    }
  }
};

const medianOf = (rounds: readonly Round[], figure: keyof Round): number =>
  median(rounds.map((round) => round[figure]));

const figuresOf = (kind: Kind, rounds: readonly Round[]): Record<string, number> => {
  const { minimum, maximum } = spreadOf(rounds.map(({ cpuMicros }) => cpuMicros));
  return {
    [`${kind}.callbacksPerSecond`]: medianOf(rounds, "perSecond"),
    [`${kind}.cpuMicrosPerCallback`]: medianOf(rounds, "cpuMicros"),
    [`${kind}.cpuMicrosMinimum`]: minimum,
    [`${kind}.cpuMicrosMaximum`]: maximum,
    [`${kind}.busiestThreadMicrosPerCallback`]: medianOf(rounds, "busiestMicros"),
  };
};

/**
 * Where server, load and broker cannot all have cores of their own, callbacks a second say nothing: what is left is the CPU
 * time of a callback, and the part of it in the thread that has most to do, which is what holds up any number of cores.
 */
export const measureWorkers: Measurement = async (options, place, report) => {
  const rounds: Rounds = { one: [], two: [], apart: [] };
  for (let done = 0; done < options.rounds; done += roundsPerStart) {
    const next = Math.min(options.rounds, done + roundsPerStart);
    report(`rounds ${done + 1} to ${next} of ${options.rounds}`);
    await measureStart({ ...options, rounds: next - done }, place, [rounds, report]);
  }
  const { one, two, apart } = rounds;
  const figures = {
    ...figuresOf("one", one),
    ...figuresOf("two", two),
    ...figuresOf("apart", apart),
    cpuRatio: medianOf(two, "cpuMicros") / medianOf(one, "cpuMicros"),
    apartCpuRatio: medianOf(apart, "cpuMicros") / medianOf(one, "cpuMicros"),
    throughputRatioAllowed: medianOf(one, "busiestMicros") / medianOf(two, "busiestMicros"),
  };
  const throughputRatio = medianOf(two, "perSecond") / medianOf(one, "perSecond");
  if (cpus().length >= coresForWorkers) return { ...figures, throughputRatio };
  report(
    `not measured: the ratio of callbacks a second. It takes ${coresForWorkers} cores; here are ${cpus().length}`,
  );
  return figures;
};

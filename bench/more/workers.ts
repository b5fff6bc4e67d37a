import { cpus } from "node:os";
import type { Options } from "../options.ts";
import { coresForWorkers } from "../place.ts";
import { runFlatOut, warmUp } from "../run-load.ts";
import { type Server, startServer } from "../server.ts";
import { median, spreadOf, sumOf } from "../statistics.ts";
import { takeTurns } from "../turns.ts";
import type { Measurement } from "./measurement.ts";

const name = "disk-published";
/** Of the usual warm-up: each thread compiles its code for itself, and sees only its part of the callbacks. */
const longerWarmUp = 2;

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

const connectionsEach = ({ connections }: Options, servers: number): number =>
  Math.ceil(connections / servers);

/** All at once, and what they take together. */
const measureRound = async (servers: readonly Server[], options: Options): Promise<Round> => {
  const plan = { ...options, connections: connectionsEach(options, servers.length) };
  const loads = await Promise.all(servers.map((server) => runFlatOut(plan, server)));
  const acknowledged = sumOf(loads.map((load) => load.acknowledged));
  return {
    perSecond: sumOf(loads.map((load) => load.acknowledged / load.seconds)),
    cpuMicros: (sumOf(loads.map(({ cpuSeconds }) => cpuSeconds)) * 1e6) / acknowledged,
    busiestMicros:
      (Math.max(...loads.map(({ busiestThreadSeconds }) => busiestThreadSeconds)) * 1e6) / acknowledged,
  };
};

const lineOf = ({ perSecond, cpuMicros, busiestMicros }: Round): string =>
  `${Math.round(perSecond)}/s, ${cpuMicros.toFixed(1)} µs of CPU, ${busiestMicros.toFixed(1)} µs of it in the busiest thread`;

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
  const start = async (kind: Kind, stack: AsyncDisposableStack): Promise<readonly Server[]> => {
    const { workers, bridges } = kinds[kind];
    const servers: Server[] = [];
    while (servers.length < bridges)
      servers.push(stack.use(await startServer(name, place, { env: { WORKERS: String(workers) } })));
    const plan = {
      ...options,
      connections: connectionsEach(options, bridges),
      warmUpSeconds: options.warmUpSeconds * longerWarmUp,
    };
    await Promise.all(servers.map((server) => warmUp(plan, server)));
    return servers;
  };
  const rounds = await takeTurns(options, { names: kindNames, start, measure: measureRound, lineOf }, report);
  const [one = [], two = [], apart = []] = kindNames.map((kind) => rounds.get(kind));
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

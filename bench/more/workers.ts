import { cpus } from "node:os";
import type { Options } from "../options.ts";
import { coresForWorkers, type Place } from "../place.ts";
import { microsEach, runFlatOut } from "../run-load.ts";
import { startServer } from "../server.ts";
import { median, spreadOf } from "../statistics.ts";
import type { Measurement } from "./measurement.ts";

const name = "disk-published";
/** Of the usual warm-up: each thread compiles its code for itself, and sees only its part of the callbacks. */
const longerWarmUp = 2;

type Round = { readonly perSecond: number; readonly cpuMicros: number; readonly busiestMicros: number };

const measureRound = async (workers: number, options: Options, place: Place): Promise<Round> => {
  await using server = await startServer(name, place, { env: { WORKERS: String(workers) } });
  const plan = { ...options, warmUpSeconds: options.warmUpSeconds * longerWarmUp };
  const load = await runFlatOut(plan, server);
  const { acknowledged, seconds, busiestThreadSeconds } = load;
  return {
    perSecond: acknowledged / seconds,
    cpuMicros: microsEach(load),
    busiestMicros: (busiestThreadSeconds * 1e6) / acknowledged,
  };
};

const medianOf = (rounds: readonly Round[], figure: keyof Round): number =>
  median(rounds.map((round) => round[figure]));

const figuresOf = (workers: number, rounds: readonly Round[]): Record<string, number> => {
  const { minimum, maximum } = spreadOf(rounds.map(({ cpuMicros }) => cpuMicros));
  return {
    [`${workers}.callbacksPerSecond`]: medianOf(rounds, "perSecond"),
    [`${workers}.cpuMicrosPerCallback`]: medianOf(rounds, "cpuMicros"),
    [`${workers}.cpuMicrosMinimum`]: minimum,
    [`${workers}.cpuMicrosMaximum`]: maximum,
    [`${workers}.busiestThreadMicrosPerCallback`]: medianOf(rounds, "busiestMicros"),
  };
};

/**
 * One thread, and `WORKERS=2`. Where server, load and broker cannot all have cores of their own, callbacks a second say
 * nothing: what is left is the CPU time of a callback, and the part of it in the thread that has most to do, which is what
 * holds up any number of cores.
 */
export const measureWorkers: Measurement = async (options, place, report) => {
  const [one, two]: [Round[], Round[]] = [[], []];
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const [workers, rounds] of [
      [1, one],
      [2, two],
    ] as const) {
      const measured = await measureRound(workers, options, place);
      rounds.push(measured);
      const { perSecond, cpuMicros, busiestMicros } = measured;
      report(
        `round ${round} of ${options.rounds}, WORKERS=${workers}: ${Math.round(perSecond)}/s, ` +
          `${cpuMicros.toFixed(1)} µs of CPU, ${busiestMicros.toFixed(1)} µs of it in the busiest thread`,
      );
    }
  }
  const figures = {
    ...figuresOf(1, one),
    ...figuresOf(2, two),
    cpuRatio: medianOf(two, "cpuMicros") / medianOf(one, "cpuMicros"),
    throughputRatioAllowed: medianOf(one, "busiestMicros") / medianOf(two, "busiestMicros"),
  };
  const throughputRatio = medianOf(two, "perSecond") / medianOf(one, "perSecond");
  if (cpus().length >= coresForWorkers) return { ...figures, throughputRatio };
  report(
    `not measured: the ratio of callbacks a second. It takes ${coresForWorkers} cores; here are ${cpus().length}`,
  );
  return figures;
};

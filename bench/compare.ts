import type { CandidateName } from "./candidates.ts";
import type { Options } from "./options.ts";
import type { Place } from "./place.ts";
import { type Figures, type Measured, toFigures } from "./results.ts";
import { runFlatOut, runSteady } from "./run-load.ts";
import { startServer } from "./server.ts";
import { median, rounded, spreadOf } from "./statistics.ts";

const brokerWarmUpSeconds = 15;
/** The server is warm, only the rate is another. */
const latencyWarmUpSeconds = 2;

const measureRound = async (name: CandidateName, options: Options, place: Place): Promise<Figures> => {
  await using server = await startServer(name, place);
  const flatOut = await runFlatOut(options, server);
  const { residentMb } = server.figures();
  const latencyOptions = { ...options, warmUpSeconds: Math.min(options.warmUpSeconds, latencyWarmUpSeconds) };
  const steady = await runSteady(latencyOptions, server);
  const half = await runSteady(
    { ...latencyOptions, rate: flatOut.acknowledged / flatOut.seconds / 2 },
    server,
  );
  const { acknowledged, seconds, cpuSeconds, writtenBytes, latency } = flatOut;
  return {
    callbacksPerSecond: acknowledged / seconds,
    cpuMicrosPerCallback: (cpuSeconds * 1e6) / acknowledged,
    p50Ms: steady.latency.p50Ms,
    p99Ms: steady.latency.p99Ms,
    p999Ms: steady.latency.p999Ms,
    halfP50Ms: half.latency.p50Ms,
    halfP99Ms: half.latency.p99Ms,
    halfP999Ms: half.latency.p999Ms,
    rssMb: residentMb,
    flatOutP50Ms: latency.p50Ms,
    flatOutP99Ms: latency.p99Ms,
    coreShare: cpuSeconds / seconds,
    writtenBytesPerCallback: writtenBytes / acknowledged,
    notAcknowledged: flatOut.refused + steady.refused + half.refused,
    generatorLateMs: steady.lateMs,
  };
};

const toMeasured = (rounds: readonly Figures[]): Measured => ({
  medians: toFigures((figure) => rounded(median(rounds.map((round) => round[figure])))),
  spread: toFigures((figure) => {
    const { minimum, maximum } = spreadOf(rounds.map((round) => round[figure]));
    return { minimum: rounded(minimum), maximum: rounded(maximum) };
  }),
});

const lineOf = (round: Figures): string =>
  `${Math.round(round.callbacksPerSecond)}/s, ${round.cpuMicrosPerCallback.toFixed(1)} µs of CPU, ` +
  `p99 ${round.p99Ms.toFixed(1)} ms, ${Math.round(round.rssMb)} MB`;

/** A broker that has just started compiles its code: the first candidate must not pay for that alone. */
const warmBroker = async (options: Options, place: Place): Promise<void> => {
  if (!place.stackStarted) return;
  await using server = await startServer("memory", place);
  await runFlatOut({ ...options, seconds: brokerWarmUpSeconds }, server);
};

/** Rounds alternate, so that a slow minute of the machine falls on all candidates alike. */
export const compare = async (
  options: Options,
  place: Place,
  report: (line: string) => void,
): Promise<ReadonlyMap<CandidateName, Measured>> => {
  await warmBroker(options, place);
  const rounds = new Map<CandidateName, Figures[]>(options.only.map((name) => [name, []]));
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const [name, measured] of rounds) {
      const figures = await measureRound(name, options, place);
      measured.push(figures);
      report(`round ${round} of ${options.rounds}, ${name}: ${lineOf(figures)}`);
    }
  }
  return new Map([...rounds].map(([name, measured]) => [name, toMeasured(measured)]));
};

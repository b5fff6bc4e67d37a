import type { CandidateName } from "./candidates.ts";
import type { Options } from "./options.ts";
import type { Place } from "./place.ts";
import { type Figures, type Measured, toFigures } from "./results.ts";
import { microsEach, runFlatOut, runSteady, warmUp } from "./run-load.ts";
import { type Server, startServer } from "./server.ts";
import { median, rounded, spreadOf } from "./statistics.ts";
import { type Report, takeTurns } from "./turns.ts";

const brokerWarmUpSeconds = 30;

const measureRound = async (server: Server, options: Options): Promise<Figures> => {
  const flatOut = await runFlatOut(options, server);
  const { residentMb } = server.figures();
  const steady = await runSteady(options, server);
  const half = await runSteady({ ...options, rate: flatOut.acknowledged / flatOut.seconds / 2 }, server);
  const { acknowledged, seconds, cpuSeconds, writtenBytes, latency } = flatOut;
  return {
    callbacksPerSecond: acknowledged / seconds,
    cpuMicrosPerCallback: microsEach(flatOut),
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

/** All that `--only` names. */
export const compare = async (
  options: Options,
  place: Place,
  report: Report,
): Promise<ReadonlyMap<CandidateName, Measured>> => {
  await warmBroker(options, place);
  const start = async (name: CandidateName, stack: AsyncDisposableStack): Promise<Server> => {
    const server = stack.use(await startServer(name, place));
    await warmUp(options, server);
    return server;
  };
  const rounds = await takeTurns(
    options,
    { names: options.only, start, measure: measureRound, lineOf },
    report,
  );
  return new Map([...rounds].map(([name, measured]) => [name, toMeasured(measured)]));
};

import type { CandidateName } from "./candidates.ts";
import type { Options } from "./options.ts";
import type { Place } from "./place.ts";
import { type Figures, type Measured, toFigures } from "./results.ts";
import { microsEach, runFlatOut, runSteady } from "./run-load.ts";
import { type Server, startServer } from "./server.ts";
import { median, rounded, spreadOf } from "./statistics.ts";

const brokerWarmUpSeconds = 30;
/** Then all servers start anew: how well its code is compiled differs from one start of a server to the next. */
const roundsPerStart = 2;
/** Seconds in front of each load; that its server is warm has been seen to before. */
const settleSeconds = 0.5;

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

/** All of them, each with its code compiled. Those that are not measured have nothing to do. */
const startAll = async (options: Options, place: Place, stack: AsyncDisposableStack) => {
  const servers = new Map<CandidateName, Server>();
  for (const name of options.only) {
    const server = stack.use(await startServer(name, place));
    await runFlatOut({ ...options, warmUpSeconds: 0, seconds: options.warmUpSeconds }, server);
    servers.set(name, server);
  }
  return servers;
};

type Rounds = ReadonlyMap<CandidateName, Figures[]>;
type Report = (line: string) => void;

const measureStart = async (options: Options, place: Place, [rounds, report]: readonly [Rounds, Report]) => {
  await using stack = new AsyncDisposableStack();
  const servers = await startAll(options, place, stack);
  const settled = { ...options, warmUpSeconds: Math.min(settleSeconds, options.warmUpSeconds) };
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [name, server] of servers) {
      const figures = await measureRound(server, settled);
      rounds.get(name)?.push(figures);
      report(`${name}: ${lineOf(figures)}`);
    }
  }
};

/** Short rounds alternate, so that a slow minute of the machine falls on all candidates alike. */
export const compare = async (
  options: Options,
  place: Place,
  report: Report,
): Promise<ReadonlyMap<CandidateName, Measured>> => {
  await warmBroker(options, place);
  const rounds = new Map<CandidateName, Figures[]>(options.only.map((name) => [name, []]));
  for (let done = 0; done < options.rounds; done += roundsPerStart) {
    const next = Math.min(options.rounds, done + roundsPerStart);
    report(`rounds ${done + 1} to ${next} of ${options.rounds}`);
    await measureStart({ ...options, rounds: next - done }, place, [rounds, report]);
  }
  return new Map([...rounds].map(([name, measured]) => [name, toMeasured(measured)]));
};

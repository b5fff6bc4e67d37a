import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePorts } from "../../local/ports.ts";
import { openTemporaryFolder } from "../../local/temporary-folder.ts";
import { pendingOf } from "../metrics.ts";
import type { Options } from "../options.ts";
import type { Place } from "../place.ts";
import { runCount } from "../run-load.ts";
import { type Server, startServer } from "../server.ts";
import { recordsOf } from "../topics.ts";
import type { Measurement } from "./measurement.ts";

const name = "disk-stored";
/** The highest rate of accepting is that of the best stretch of so many seconds. */
const stretch = 5;
/** At fewer records a second than this the measurement gives up. */
const slowestPerSecond = 1000;

const bestStretch = (perSecond: readonly number[]): number => {
  const sums = perSecond.map((_, at) =>
    perSecond.slice(at, at + stretch).reduce((sum, count) => sum + count, 0),
  );
  const whole = sums.slice(0, Math.max(1, sums.length - stretch + 1));
  return Math.max(...whole) / Math.min(stretch, Math.max(1, perSecond.length));
};

const accept = async (options: Options, place: Place, directory: string) => {
  const [closed = 0] = await freePorts(1);
  const env = { JOURNAL_DIR: directory, KAFKA_BROKERS: `127.0.0.1:${closed}`, SHUTDOWN_TIMEOUT_MS: "1000" };
  await using server = await startServer(name, place, { env });
  const { acknowledgedInAll, seconds, perSecond } = await runCount(options, server);
  const pending = await pendingOf(server.adminPort);
  const { peakResidentMb } = server.figures();
  await server.end("SIGTERM");
  return { acknowledgedInAll, pending, seconds, best: bestStretch(perSecond), peakResidentMb };
};

/** Seconds from the first record that left to the last one. */
const untilDrained = async (server: Server, pending: number): Promise<number> => {
  const deadline = performance.now() + 60_000 + (pending / slowestPerSecond) * 1000;
  let begun: number | null = null;
  for (let left = pending; left > 0;) {
    if (performance.now() > deadline) throw new Error(`${left} callbacks are still not in Kafka`);
    await pause(100);
    left = await pendingOf(server.adminPort);
    if (left < pending) begun ??= performance.now() - 100;
  }
  return (performance.now() - (begun ?? performance.now())) / 1000;
};

/** Callbacks that came while Kafka was away, and how long it takes to be rid of them once it is back. */
export const measureBacklog: Measurement = async (options, place, report) => {
  await (await startServer(name, place))[Symbol.asyncDispose]();
  const before = await recordsOf(place, name);
  await using folder = await openTemporaryFolder(join(place.directory, "bench-journal-"));
  const accepted = await accept(options, place, folder.path);
  report(
    `accepted ${accepted.acknowledgedInAll} in ${accepted.seconds.toFixed(0)} s, at best ${Math.round(accepted.best)}/s`,
  );
  const begun = performance.now();
  await using server = await startServer(name, place, { env: { JOURNAL_DIR: folder.path } });
  const firstAnswerSeconds = (performance.now() - begun) / 1000;
  const pending = await pendingOf(server.adminPort);
  const drainSeconds = await untilDrained(server, pending);
  const drained = (await recordsOf(place, name)) - before;
  const { peakResidentMb } = server.figures();
  const drainPerSecond = pending / drainSeconds;
  report(
    `first answer after ${firstAnswerSeconds.toFixed(2)} s, drained at ${Math.round(drainPerSecond)}/s, ${peakResidentMb.toFixed(0)} MB`,
  );
  return {
    accepted: accepted.acknowledgedInAll,
    acceptPerSecond: accepted.acknowledgedInAll / accepted.seconds,
    acceptBestPerSecond: accepted.best,
    acceptPeakRssMb: accepted.peakResidentMb,
    firstAnswerSeconds,
    drainPeakRssMb: peakResidentMb,
    peakRssMb: Math.max(peakResidentMb, accepted.peakResidentMb),
    drainSeconds,
    drainPerSecond,
    drainToAccept: drainPerSecond / accepted.best,
    // By number, not by id. One more than was pending: the callback that told of the start was taken too.
    fewerInKafka: Math.max(0, accepted.pending + 1 - drained),
  };
};

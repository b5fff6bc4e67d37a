import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openTemporaryFolder } from "../../local/temporary-folder.ts";
import { pendingOf } from "../metrics.ts";
import { runSteady } from "../run-load.ts";
import { startServer } from "../server.ts";
import { sumOf } from "../statistics.ts";
import { keysOf } from "../topics.ts";
import type { Measurement } from "./measurement.ts";

const name = "disk-published";
const rate = 1000;
const killedAfterSeconds = 6;
const drainedWithinMs = 60_000;

/**
 * kill -9 in the middle of a steady load, then a new start on the same journal. Only duplicates are counted here:
 * that nothing acknowledged is lost is for the disaster tests, which compare ids.
 */
export const measureDuplicates: Measurement = async (options, place, report) => {
  await using folder = await openTemporaryFolder(join(place.directory, "bench-journal-"));
  const env = { JOURNAL_DIR: folder.path };
  const before = await startServer(name, place, { env });
  const plan = { ...options, rate, warmUpSeconds: 0, latencySeconds: killedAfterSeconds + 1 };
  const load = runSteady(plan, before);
  await pause(killedAfterSeconds * 1000);
  await before.end("SIGKILL");
  const { acknowledgedInAll } = await load;
  await using after = await startServer(name, place, { env });
  const deadline = performance.now() + drainedWithinMs;
  while ((await pendingOf(after.adminPort)) > 0) {
    if (performance.now() > deadline)
      throw new Error("callbacks are still not in Kafka a minute after the start");
    await pause(100);
  }
  const keys = await keysOf(place, name);
  const records = sumOf(keys.values());
  const duplicates = records - keys.size;
  report(`${acknowledgedInAll} acknowledged, ${keys.size} in Kafka, ${duplicates} of them twice`);
  return {
    acknowledged: acknowledgedInAll,
    inKafka: keys.size,
    duplicates,
  };
};

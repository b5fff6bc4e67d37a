import { setTimeout as pause } from "node:timers/promises";
import type { CandidateName } from "../candidates.ts";
import { runSteady } from "../run-load.ts";
import { startServer } from "../server.ts";
import { median } from "../statistics.ts";
import type { Measurement } from "./measurement.ts";

const measured: readonly CandidateName[] = ["usual-way", "memory", "disk-published"];
const secondsAtLeast = 60;
/** One garbage collection more or less moves a single reading. */
const readings = 10;

/** Resident memory through a minute or more at the steady rate: its medians over the first ten seconds and over the last. */
export const measureMemory: Measurement = async (options, place, report) => {
  const figures: Record<string, number> = {};
  const chosen = measured.filter((name) => options.only.includes(name));
  if (chosen.length === 0) throw new Error(`memory: --only must name one of ${measured.join(", ")}`);
  for (const name of chosen) {
    await using server = await startServer(name, place);
    const residents: number[] = [];
    const ending = new AbortController();
    const reading = (async () => {
      while (!ending.signal.aborted) {
        residents.push(server.figures().residentMb);
        await pause(1000);
      }
    })();
    const latencySeconds = Math.max(secondsAtLeast, options.latencySeconds);
    const plan = { ...options, latencySeconds, warmUpSeconds: 10 };
    const { latency, refused } = await runSteady(plan, server);
    ending.abort();
    await reading;
    const [begin, end] = [median(residents.slice(10, 10 + readings)), median(residents.slice(-readings))];
    Object.assign(figures, {
      [`${name}.rssAfterWarmUpMb`]: begin,
      [`${name}.rssAtEndMb`]: end,
      [`${name}.growth`]: end / begin,
      [`${name}.p50Ms`]: latency.p50Ms,
      [`${name}.p99Ms`]: latency.p99Ms,
      [`${name}.p999Ms`]: latency.p999Ms,
      [`${name}.maxMs`]: latency.maxMs,
      [`${name}.notAcknowledged`]: refused,
    });
    report(`${name}: ${begin.toFixed(0)} MB, later ${end.toFixed(0)} MB; p99 ${latency.p99Ms.toFixed(1)} ms`);
  }
  return figures;
};

import { percentile } from "../statistics.ts";
import type { LoadResult } from "./plan.ts";
import { figuresOf, type ProcessFigures } from "./process-figures.ts";

/** Counts answers between `begin` and `end`. */
export type Recorder = {
  /** What was meant to start before `from` is not counted. */
  readonly begin: (from?: number) => void;
  readonly end: () => void;
  /** `from` is when the request was meant to start, by `performance.now()`. */
  readonly answered: (status: number, from: number) => void;
  /** How late a request was sent. */
  readonly sentLate: (ms: number) => void;
  readonly result: () => LoadResult;
};

const busiestThread = (before: ProcessFigures, after: ProcessFigures): number =>
  Math.max(0, ...[...after.threads].map(([id, seconds]) => seconds - (before.threads.get(id) ?? 0)));

export const createRecorder = (pid: number): Recorder => {
  const latencies: number[] = [];
  const lateness: number[] = [];
  const perSecond: number[] = [];
  let [acknowledgedInAll, refused, begun, ended] = [0, 0, 0, 0];
  let before = figuresOf(pid);
  let after = before;
  let measuring = false;
  let countedFrom = 0;
  return {
    begin: (from = 0) => {
      countedFrom = from;
      before = figuresOf(pid);
      begun = performance.now();
      measuring = true;
    },
    end: () => {
      if (!measuring) return;
      measuring = false;
      ended = performance.now();
      after = figuresOf(pid);
    },
    answered: (status, from) => {
      if (status === 200) acknowledgedInAll += 1;
      if (!measuring || from < countedFrom) return;
      if (status !== 200) {
        refused += 1;
        return;
      }
      const now = performance.now();
      latencies.push(now - from);
      const second = Math.floor((now - begun) / 1000);
      perSecond[second] = (perSecond[second] ?? 0) + 1;
    },
    sentLate: (ms) => void (measuring && lateness.push(ms)),
    result: () => {
      const seconds = (ended - begun) / 1000;
      const sorted = Float64Array.from(latencies).toSorted();
      return {
        acknowledged: latencies.length,
        refused,
        seconds,
        cpuSeconds: after.cpuSeconds - before.cpuSeconds,
        busiestThreadSeconds: busiestThread(before, after),
        writtenBytes: after.writtenBytes - before.writtenBytes,
        latency: {
          p50Ms: percentile(sorted, 0.5),
          p99Ms: percentile(sorted, 0.99),
          p999Ms: percentile(sorted, 0.999),
          maxMs: percentile(sorted, 1),
        },
        lateMs: percentile(Float64Array.from(lateness).toSorted(), 0.99),
        perSecond: Array.from(perSecond.slice(0, Math.floor(seconds)), (count) => count ?? 0),
        acknowledgedInAll,
      };
    },
  };
};

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type Connection, openConnection } from "./connection.ts";
import type { Plan } from "./plan.ts";
import type { Recorder } from "./recorder.ts";
import type { Requests } from "./requests.ts";

/** Ready from the start; when all have a request under way, the next one opens another, as a sender would. */
const connectionsAtStart = 32;
const connectionsAtMost = 1000;
const startDelayMs = 300;

type Pool = {
  /** Null when the server is gone, or when all connections are in use and there may be no more. */
  readonly take: () => Promise<Connection | null>;
  readonly give: (connection: Connection) => void;
  readonly close: () => void;
};

const openPool = async (port: number): Promise<Pool> => {
  const all = new Set<Connection>();
  const idle: Connection[] = [];
  const open = async (): Promise<Connection | null> => {
    if (all.size >= connectionsAtMost) return null;
    const opened = await openConnection(port, () => undefined).catch(() => null);
    if (opened !== null) all.add(opened);
    return opened;
  };
  const first = await Promise.all(Array.from({ length: connectionsAtStart }, open));
  idle.push(...first.filter((connection) => connection !== null));
  return {
    // The one that has rested longest: none is idle so long that the server closes it.
    take: () => Promise.resolve(idle.shift() ?? open()),
    give: (connection) => void idle.push(connection),
    close: () => {
      for (const connection of all) connection.close();
    },
  };
};

/**
 * Each request has a time at which it is meant to start, and its latency counts from there: a pause of the server also
 * shows in the requests that had to wait behind it.
 */
export const runOpen = async (plan: Plan, requests: Requests, recorder: Recorder): Promise<void> => {
  const { port, rate, warmUpSeconds, seconds, count } = plan;
  const warmUp = Math.round(rate * warmUpSeconds);
  const total = Math.min(count, warmUp + Math.round(rate * seconds));
  requests.prepare(total);
  const pool = await openPool(port);
  const pacemaker = new Worker(new URL("pacemaker.ts", import.meta.url), {
    workerData: { rate, requests: total },
  });
  // A start while it is still being loaded would begin with all that is due by then, at once.
  await once(pacemaker, "message");
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const startAt = performance.timeOrigin + performance.now() + startDelayMs;
  let answered = 0;

  const send = async (index: number): Promise<void> => {
    const from = startAt + (index * 1000) / rate - performance.timeOrigin;
    if (index === warmUp) recorder.begin(from);
    recorder.sentLate(performance.now() - from);
    const connection = await pool.take();
    const finish = (status: number): void => {
      recorder.answered(status, from);
      if (connection !== null && status !== 0) pool.give(connection);
      answered += 1;
      if (answered === total) resolve();
    };
    if (connection === null) finish(0);
    else connection.send(requests.next(), finish);
  };

  pacemaker.on("message", ({ from, to }: { from: number; to: number }) => {
    for (let index = from; index < to; index += 1) void send(index);
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  pacemaker.postMessage(startAt);
  await done;
  recorder.end();
  pool.close();
  await pacemaker.terminate();
};

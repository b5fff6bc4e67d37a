import { once } from "node:events";
import { createServer } from "node:net";
import { Worker } from "node:worker_threads";
import type { CallbackPort } from "../callback-port.ts";
import type { Config } from "../config.ts";
import type { Accept } from "../core/acknowledgement.ts";
import type { Figures } from "../metrics.ts";
import { within } from "../within.ts";
import { type FromWorker, shareOf, type ToWorker, type WorkerData } from "./protocol.ts";
import { createTakingOver, withLimits } from "./taking-over.ts";

const program = new URL("worker.ts", import.meta.url);

/** A worker seen from the main thread. */
type Thread = {
  readonly name: string;
  readonly say: (message: ToWorker) => void;
  /** What it has counted; null when it does not answer in time. At its end: what it had counted. */
  readonly figures: () => Promise<Figures | null>;
  /** Resolves when it has answered what was in flight, and has ended. */
  readonly close: () => Promise<void>;
  /** At once. */
  readonly terminate: () => Promise<unknown>;
};

/** An event loop that is held up for longer is in trouble; and probes must hear of it, which often wait for 1 s. */
const answersWithinMs = 700;

/**
 * The port, or a free one. Whoever has it without sharing it, or shares it with another process, must be found out: later
 * the system would take workers of two bridges for those of one.
 */
const claimPort = async ({ host, port }: Config): Promise<number> => {
  const server = createServer().listen({ host, port });
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : port;
};

/** The answer to a question that is asked once at a time. */
const createFigures = (say: (message: ToWorker) => void) => {
  let asked: PromiseWithResolvers<Figures> | null = null;
  let last: Figures = [];
  return {
    said: (figures: Figures): void => {
      last = figures;
      asked?.resolve(figures);
      asked = null;
    },
    ask: (): Promise<Figures | null> => {
      if (asked === null) say({ kind: "ask" });
      asked ??= Promise.withResolvers<Figures>();
      return within(answersWithinMs, asked.promise);
    },
    last: () => last,
  };
};

/** Resolves when it listens. */
const startThread = async (data: WorkerData, accept: Accept): Promise<Thread> => {
  const thread = new Worker(program, { workerData: data, name: `worker ${data.worker}` });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
  const say = (message: ToWorker): void => thread.postMessage(message);
  const takeOver = createTakingOver(accept, say);
  const figures = createFigures(say);
  const listening = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  let closing = false;

  thread.on("message", (message: FromWorker) => {
    if (message.kind === "parcels") return takeOver(message);
    if (message.kind === "listening") return listening.resolve();
    figures.said(message.figures);
    if (message.kind === "closed") closed.resolve();
  });
  thread.once("error", listening.reject);
  thread.once("exit", (code) => listening.reject(new Error(`worker ${data.worker} has ended with ${code}`)));
  await listening.promise;
  // From here on a fault of a worker is one of the process: the journal makes that safe.
  thread.on("error", (error) => {
    throw error;
  });
  thread.once("exit", (code) => {
    if (!closing) throw new Error(`worker ${data.worker} has ended with ${code}`);
  });
  return {
    name: `worker ${data.worker}`,
    say,
    figures: () => (closing ? Promise.resolve(figures.last()) : figures.ask()),
    close: async () => {
      closing = true;
      say({ kind: "close" });
      // Longer than its own limit for that: it is stuck, and what it has not answered is not acknowledged.
      await within(data.settings.replyDeadlineMs + answersWithinMs, closed.promise);
      await thread.terminate();
    },
    terminate: () => {
      closing = true;
      return thread.terminate();
    },
  };
};

/** What an operator can mend is told as such: see `main.ts`. */
const toldBetter = (error: unknown): unknown => {
  if (!(error instanceof Error && "code" in error && error.code === "ENOTSUP")) return error;
  const detail = "WORKERS above 1 needs a system that lets threads share a port, as Linux does";
  return new Error(detail, { cause: { detail } });
};

/** All of them, or the first fault. */
const startThreads = async (config: Config, port: number, accept: Accept): Promise<readonly Thread[]> => {
  const settings = shareOf(config);
  const numbers = Array.from({ length: config.workers }, (_, index) => index + 1);
  const starts = await Promise.allSettled(
    numbers.map((worker) => startThread({ worker, settings, port }, accept)),
  );
  const threads = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
  const failed = starts.find((start) => start.status === "rejected");
  if (failed === undefined) return threads;
  await Promise.all(threads.map(({ terminate }) => terminate()));
  throw toldBetter(failed.reason);
};

/** In `WORKERS` threads, among which the system spreads connections; what they admit is accepted here, in this one. */
export const openWorkers = async (config: Config, accept: Accept): Promise<CallbackPort> => {
  const port = await claimPort(config);
  const threads = await startThreads(config, port, withLimits(config, accept));
  const ofAll = () =>
    Promise.all(threads.map(async ({ name, figures }) => ({ name, figures: await figures() })));
  return {
    port,
    renew: (next, changed) => {
      const settings = shareOf(next);
      for (const { say } of threads) say({ kind: "renew", settings, changed });
    },
    obstacles: async () =>
      (await ofAll()).flatMap(({ name, figures }) => (figures === null ? [`${name} does not answer`] : [])),
    figures: async () =>
      (await ofAll()).map(({ name, figures }) => {
        // Without its part the sums would seem to fall.
        if (figures === null) throw new Error(`${name} does not answer`);
        return figures;
      }),
    close: async () => {
      await Promise.all(threads.map(({ close }) => close()));
    },
  };
};

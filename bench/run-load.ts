import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { tiedToParent } from "../local/run.ts";
import { secret } from "./candidates.ts";
import type { LoadResult, Plan } from "./load/plan.ts";
import type { Options } from "./options.ts";
import type { Server } from "./server.ts";

const program = fileURLToPath(new URL("load/main.ts", import.meta.url));
/** The slowest that a load of counted requests may be. */
const slowestPerSecond = 500;

/** Runs a plan in a process of its own, on the cores of this one. */
const runPlan = async (plan: Plan): Promise<LoadResult> => {
  const command = tiedToParent([process.execPath, program, JSON.stringify(plan)], process.env);
  const [first, ...rest] = command;
  const child = spawn(first, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const { promise, resolve, reject } = Promise.withResolvers<LoadResult>();
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (output += text));
  child.once("error", reject);
  child.once("close", (code) => {
    if (code === 0) resolve(JSON.parse(output));
    else reject(new Error(`the load ended with ${code}`));
  });
  return promise;
};

const basePlan = (
  { bodyBytes, connections, warmUpSeconds, seconds, rate }: Options,
  { port, pid }: Server,
) => ({
  port,
  pid,
  secret,
  bodyBytes,
  connections,
  warmUpSeconds,
  seconds,
  rate,
  count: Number.MAX_SAFE_INTEGER,
});

/** As many callbacks as the server takes. */
export const runFlatOut = (options: Options, server: Server): Promise<LoadResult> =>
  runPlan({ ...basePlan(options, server), kind: "closed" });

/** Flat out, until the compiler has seen enough of it. */
export const warmUp = (options: Options, server: Server): Promise<LoadResult> =>
  runFlatOut({ ...options, warmUpSeconds: 0, seconds: options.warmUpSeconds }, server);

/** Callbacks at the given rate. */
export const runSteady = (options: Options, server: Server): Promise<LoadResult> =>
  runPlan({ ...basePlan(options, server), kind: "open", seconds: options.latencySeconds });

/** So many callbacks, as fast as the server takes them. */
export const runCount = (options: Options, server: Server): Promise<LoadResult> => {
  const { count } = options;
  return runPlan({
    ...basePlan(options, server),
    kind: "closed",
    warmUpSeconds: 0,
    seconds: 30 + count / slowestPerSecond,
    count,
  });
};

/** CPU time of one acknowledged callback, in microseconds. */
export const microsEach = ({ cpuSeconds, acknowledged }: LoadResult): number =>
  (cpuSeconds * 1e6) / acknowledged;

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { poll } from "./poll.ts";
import { portClosed } from "./ports.ts";
import { lastLines, tiedToParent, type Command } from "./run.ts";
import type { Environment } from "./surroundings.ts";

const stopsWithinMs = 5000;

const isStopped = (task: string): boolean => {
  try {
    const status = readFileSync(join(task, "stat"), "latin1");
    return status[status.lastIndexOf(")") + 2] === "T";
  } catch {
    // A thread that has ended meanwhile: whoever asks looks again.
    return false;
  }
};

/** On a busy machine a process goes on until the thread that hears of it has its turn. Where there is no /proc, nobody waits. */
const awaitStopped = (pid: number | undefined): void => {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return;
  const late = performance.now() + stopsWithinMs;
  while (!readdirSync(tasks).every((task) => isStopped(join(tasks, task)))) {
    if (performance.now() > late) throw new Error(`process ${pid} does not stop`);
  }
};

/** Two servers on a busy machine of two cores have needed half of this. */
const readyWithinMs = 240_000;
const stoppedWithinMs = 120_000;

export interface Recipe {
  /** For messages. */
  readonly name: string;
  readonly command: Command;
  readonly env: Environment;
  readonly logFile: string;
  readonly port: number;
  /** Resolves when the server serves, rejects when it does not yet. */
  readonly probe: () => Promise<void>;
}

/** One server process that can be ended and started again. */
export interface Server {
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** kill -9; resolves when the port is closed. */
  readonly kill: () => Promise<void>;
  /** Starts it, again with the same port and data; resolves when it serves. */
  readonly start: () => Promise<void>;
  /** SIGTERM; resolves when it has ended. */
  readonly stop: () => Promise<void>;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
}

export function createServer(recipe: Recipe): Server {
  let running: Running | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (running === undefined) return;
    const { child, ended } = running;
    child.kill(signal);
    // A stopped process (SIGSTOP) acts on nothing but SIGKILL.
    child.kill("SIGCONT");
    await ended;
    await portClosed(recipe.port);
  };
  return {
    get pid() {
      return running?.child.pid;
    },
    signal(signal) {
      if (running === undefined) throw new Error(`${recipe.name} does not run`);
      running.child.kill(signal);
      if (signal === "SIGSTOP") awaitStopped(running.child.pid);
    },
    async start() {
      if (running !== undefined) throw new Error(`${recipe.name} runs already`);
      const begun = await launch(recipe);
      running = begun;
      void begun.ended.then(() => void (running = undefined));
      await ready(recipe, begun).catch(async (error: unknown) => {
        await end("SIGKILL");
        throw error;
      });
    },
    kill: () => end("SIGKILL"),
    async stop() {
      let forced = false;
      const late = setTimeout(() => {
        forced = running?.child.kill("SIGKILL") ?? false;
      }, stoppedWithinMs);
      await end("SIGTERM").finally(() => clearTimeout(late));
      if (forced) throw new Error(`${recipe.name} did not stop by itself and was killed`);
    },
  };
}

async function launch({ command, env, logFile }: Recipe): Promise<Running> {
  const log = await open(logFile, "a");
  const [program, ...rest] = tiedToParent(command, env);
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const child = spawn(program, rest, { env, stdio: ["ignore", log.fd, log.fd] });
  const endWithUs = (): void => void child.kill("SIGKILL");
  // Before the listener that removes its folder.
  process.prependOnceListener("exit", endWithUs);
  child.once("error", (error) => resolve(error.message));
  child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  void ended.then(() => process.off("exit", endWithUs));
  await log.close();
  return { child, ended };
}

async function ready(recipe: Recipe, { ended }: Running): Promise<void> {
  const failure = await poll({
    attempt: recipe.probe,
    withinMs: readyWithinMs,
    pointless: ended.then((how) => `ended (${how})`),
  });
  if (failure === undefined) return;
  const log = lastLines(await readFile(recipe.logFile, "utf8"), 30);
  throw new Error(`${recipe.name} ${failure.message}. Its last lines:\n${log}`, { cause: failure });
}

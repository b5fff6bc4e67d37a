import { spawn, spawnSync } from "node:child_process";
import type { Environment } from "./surroundings.ts";

/** A program and its arguments. */
export type Command = readonly [program: string, ...rest: string[]];

export interface Outcome {
  /** The exit code, or why there is none. */
  readonly ended: number | string;
  readonly output: string;
}

/**
 * Linux can end a child when its parent ends, even by SIGKILL. It watches the parent's thread, so children must be
 * spawned from the main thread. Elsewhere (and with BusyBox's setpriv, which lacks the option) the command stays as it is.
 */
export function tiedToParent(command: Command, env: Environment): Command {
  const setpriv: Command = ["setpriv", "--pdeathsig", "KILL"];
  const [program, ...rest] = setpriv;
  const works = process.platform === "linux" && spawnSync(program, [...rest, "true"], { env }).status === 0;
  return works ? [program, ...rest, ...command] : command;
}

/** Runs a command to its end; a program that is not there is an outcome too. */
export function run(command: Command, env: Environment): Promise<Outcome> {
  const [program, ...rest] = tiedToParent(command, env);
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const child = spawn(program, rest, { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => void (output += text));
  }
  child.once("error", (error) => resolve({ ended: error.message, output }));
  child.once("close", (code, signal) => resolve({ ended: code ?? `${signal}`, output }));
  return promise;
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

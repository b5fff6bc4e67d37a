import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export type BridgeProcess = {
  readonly port: number;
  readonly adminPort: number;
  /** Resolves when the process is gone; a signal's end counts as code null. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
};

const isListening = (line: unknown): line is { callbacks: number; admin: number } =>
  typeof line === "object" && line !== null && "callbacks" in line && "admin" in line;

const ended = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
};

/** A bridge in a process of its own, on free ports. Rejects with its log when it does not come to listen. */
export const startBridgeProcess = async (env: Record<string, string>): Promise<BridgeProcess> => {
  const child = spawn(process.execPath, ["src/main.ts"], {
    env: { ...process.env, PORT: "0", ADMIN_PORT: "0", HOST: "127.0.0.1", ADMIN_HOST: "127.0.0.1", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  for await (const text of createInterface({ input: child.stdout })) {
    lines.push(text);
    const line: unknown = JSON.parse(text);
    if (!isListening(line)) continue;
    child.stdout.resume();
    const end = (signal: NodeJS.Signals) => {
      child.kill(signal);
      return ended(child);
    };
    return { port: line.callbacks, adminPort: line.admin, end };
  }
  throw new Error(`the bridge did not start:\n${lines.join("\n")}`);
};

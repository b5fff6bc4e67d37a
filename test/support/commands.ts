import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { settingNames } from "../../src/config.ts";

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

/** `node src/main.ts` with these arguments, and with no setting but those given. */
export const runMain = async (args: readonly string[], env: Record<string, string> = {}): Promise<Ran> => {
  const around = Object.entries(process.env).filter(([name]) => !settingNames.some((ours) => ours === name));
  const child = spawn(process.execPath, ["src/main.ts", ...args], {
    env: { ...Object.fromEntries(around), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, out, err };
};

export const runJournal = (...args: string[]): Promise<Ran> => runMain(["journal", ...args]);

export const jsonLines = ({ out }: Ran): readonly Readonly<Record<string, unknown>>[] =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({ ...JSON.parse(line) }));

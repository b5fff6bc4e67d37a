import { open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { codeOf, realFiles } from "../io/journal/files.ts";

export type Output = {
  readonly line: (text: string) => Promise<void>;
  /** Nobody reads any more, as behind `| head`: the rest need not be made. */
  readonly isGone: () => boolean;
};

export const createOutput = (stream: Writable): Output => {
  let gone = false;
  stream.on("error", (error) => {
    if (codeOf(error) !== "EPIPE") throw error;
    gone = true;
  });
  const line = async (text: string): Promise<void> => {
    if (gone || stream.write(`${text}\n`)) return;
    await Promise.race([once(stream, "drain"), once(stream, "close")]).catch((error: unknown) => {
      if (codeOf(error) !== "EPIPE") throw error;
    });
  };
  return { line, isGone: () => gone };
};

/** Of a command line that cannot be run. Gives the exit code. */
export const tellWrong = async (
  words: Output,
  { why, example, help }: { readonly why: string; readonly example: string; readonly help: string },
): Promise<number> => {
  await words.line(why);
  await words.line(`for example: node src/main.ts ${example}`);
  await words.line(`all of it:   node src/main.ts ${help}`);
  return 2;
};

export type OutFile = Output & {
  /** Resolves when all of it, and its name, survives a power cut. */
  readonly finish: () => Promise<void>;
  /** Takes an unfinished file away: a part must not pass for the whole. */
  readonly abandon: () => Promise<void>;
};

const bufferBytes = 256 * 1024;

/** A new file that only its owner reads; rejects with EEXIST when there is one. */
export const createOutFile = async (path: string): Promise<OutFile> => {
  const file = await open(path, "wx", 0o600);
  let waiting: string[] = [];
  let waitingBytes = 0;
  const flush = async (): Promise<void> => {
    const text = waiting.join("");
    waiting = [];
    waitingBytes = 0;
    await file.writeFile(text);
  };
  return {
    isGone: () => false,
    line: async (text) => {
      waiting.push(`${text}\n`);
      waitingBytes += text.length;
      if (waitingBytes > bufferBytes) await flush();
    },
    finish: async () => {
      await flush();
      await file.sync();
      await file.close();
      await realFiles.syncDirectory(dirname(path));
    },
    abandon: async () => {
      await file.close();
      await rm(path, { force: true });
    },
  };
};

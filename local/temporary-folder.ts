import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** Removed when disposed of, and also when the process ends before that, other than by a signal that it cannot see. */
export async function openTemporaryFolder(prefix: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(prefix);
  const options = { recursive: true, force: true, maxRetries: 3 };
  const removeAtExit = (): void => rmSync(path, options);
  process.once("exit", removeAtExit);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, options);
      process.off("exit", removeAtExit);
    },
  };
}

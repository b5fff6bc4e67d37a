import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Environment } from "./surroundings.ts";
import { openTemporaryFolder } from "./temporary-folder.ts";

const hour = 3_600_000;

export interface CacheEntry {
  readonly env: Environment;
  /** Carries the version: an entry never changes once it is there. */
  readonly name: string;
  readonly fill: (draft: string) => Promise<void>;
}

/** Outside node_modules, so that `npm ci` does not fetch 200 MB again. */
export function cacheFolder(env: Environment): string {
  const base = env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache");
  return join(base, "esign-kafka-bridge");
}

/**
 * The folder of a cache entry, filled first if it is not there. It is filled under another name and then renamed: a
 * folder that has its name is complete, and of two processes at once the slower one takes over the other's.
 */
export async function cached({ env, name, fill }: CacheEntry): Promise<string> {
  const root = cacheFolder(env);
  const folder = join(root, name);
  if (existsSync(folder)) return folder;
  await mkdir(root, { recursive: true });
  await removeAbandonedDrafts(root);
  await using draft = await openTemporaryFolder(join(root, `.draft-${name}-`));
  await fill(draft.path);
  await rename(draft.path, folder).catch((error: unknown) => {
    if (!existsSync(folder)) throw error;
  });
  return folder;
}

/** What a killed process left half done; an hour is far above the time of any download that still runs. */
async function removeAbandonedDrafts(root: string): Promise<void> {
  const drafts = (await readdir(root)).filter((name) => name.startsWith(".draft-"));
  for (const draft of drafts) {
    // Undefined when its process has just renamed or removed it.
    const found = await stat(join(root, draft)).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > hour) {
      await rm(join(root, draft), { recursive: true, force: true });
    }
  }
}

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "./files.ts";

/** Who runs on a journal; `unknown` on systems that do not show the open files of their processes. */
export type Holder =
  | { readonly kind: "process"; readonly pid: number }
  | { readonly kind: "none" }
  | { readonly kind: "unknown" };

/** Another user's process, or one that has just ended, shows nothing. */
const hidden = ["ENOENT", "EACCES", "EPERM", "ESRCH", "ENOTDIR"];

const orNull = async <T>(promise: Promise<T>): Promise<T | null> => {
  try {
    return await promise;
  } catch (error) {
    if (hidden.includes(codeOf(error))) return null;
    throw error;
  }
};

const hasOpen = async (pid: number, file: { dev: bigint; ino: bigint }): Promise<boolean> => {
  const descriptors = join("/proc", `${pid}`, "fd");
  for (const name of (await orNull(readdir(descriptors))) ?? []) {
    const open = await orNull(stat(join(descriptors, name), { bigint: true }));
    if (open !== null && open.dev === file.dev && open.ino === file.ino) return true;
  }
  return false;
};

/**
 * The process that holds the lock of a directory, as far as this user and this container can see. Only its holder keeps that
 * file open, so it is enough to look: to try the lock could make a bridge that starts at this moment find it taken.
 */
export const holderOf = async (directory: string): Promise<Holder> => {
  const processes = await orNull(readdir("/proc"));
  if (processes === null) return { kind: "unknown" };
  const file = await orNull(stat(join(directory, "lock"), { bigint: true }));
  if (file === null) return { kind: "none" };
  for (const pid of processes.filter((name) => /^\d+$/.test(name)).map(Number)) {
    if (pid !== process.pid && (await hasOpen(pid, file))) return { kind: "process", pid };
  }
  return { kind: "none" };
};

import { join } from "node:path";
import { codeOf, type File, type Files, openIfThere } from "./files.ts";

// Small files beside the segments, read and replaced as a whole. All reject with the system's error.

/** Undefined when the file is not there, or no longer. */
export const withFile = async <T>(
  files: Files,
  path: string,
  use: (file: File) => Promise<T>,
): Promise<T | undefined> => {
  const file = await openIfThere(files, path);
  if (file === null) return undefined;
  try {
    return await use(file);
  } finally {
    await file.close();
  }
};

/** Null when there is none. */
export const readWhole = async (files: Files, path: string): Promise<Buffer | null> => {
  const bytes = await withFile(files, path, async (file) => {
    const all = Buffer.alloc(await file.size());
    return all.subarray(0, await file.read(all, 0));
  });
  return bytes ?? null;
};

export const removeIfThere = async (files: Files, path: string): Promise<void> => {
  try {
    await files.remove(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
};

/** At any moment, and after a power cut, either the old bytes are there or the new ones; the new ones when it resolves. */
export const replaceWhole = async (
  files: Files,
  directory: string,
  { name, bytes }: { readonly name: string; readonly bytes: Buffer },
): Promise<void> => {
  const draft = join(directory, `${name}.draft`);
  await removeIfThere(files, draft);
  const file = await files.create(draft);
  try {
    await file.write(bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(draft, join(directory, name));
  await files.syncDirectory(directory);
};

import { join } from "node:path";
import { codeOf, type Files } from "./files.ts";

/** One small file beside the segments, replaced as a whole. Both reject with the system's error. */
export type SchemaIdFile = {
  /** Null when there is none. */
  readonly read: () => Promise<Buffer | null>;
  /** Survives a power cut when it resolves; before, the old one does. */
  readonly replace: (bytes: Buffer) => Promise<void>;
};

const removeIfThere = async (files: Files, path: string): Promise<void> => {
  try {
    await files.remove(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
};

export const schemaIdFile = (files: Files, directory: string): SchemaIdFile => {
  const path = join(directory, "schema-ids.json");
  const draft = `${path}.draft`;

  const read = async (): Promise<Buffer | null> => {
    if (!(await files.list(directory)).includes("schema-ids.json")) return null;
    const file = await files.openToRead(path);
    try {
      const bytes = Buffer.alloc(await file.size());
      return bytes.subarray(0, await file.read(bytes, 0));
    } finally {
      await file.close();
    }
  };

  const replace = async (bytes: Buffer): Promise<void> => {
    await removeIfThere(files, draft);
    const file = await files.create(draft);
    try {
      await file.write(bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(draft, path);
    await files.syncDirectory(directory);
  };

  return { read, replace };
};

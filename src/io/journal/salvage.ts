import { join } from "node:path";
import type { Segment } from "./catalogue.ts";
import { codeOf } from "./files.ts";
import { damagedDirectory, type Damage, type Disk } from "./options.ts";
import { readLeniently, type FileRange } from "./segment-reader.ts";

const stepBytes = 1024 * 1024;

const copyRange = async ({ files }: Disk, from: string, to: { path: string; range: FileRange }) => {
  const source = await files.openToRead(from);
  try {
    const copy = await files.create(to.path);
    try {
      const { at, bytes } = to.range;
      for (let done = 0; done < bytes;) {
        const step = Buffer.alloc(Math.min(stepBytes, bytes - done));
        const got = await readLeniently(source, step, at + done);
        if (got === 0) break;
        await copy.write(step.subarray(0, got), done);
        done += got;
      }
      await copy.sync();
    } finally {
      await copy.close();
    }
  } finally {
    await source.close();
  }
};

/**
 * Copies bad bytes to `damaged/<segment>-<place>.bytes` and reports them. When that fails, the segment itself is kept for as
 * long as this process runs. A second time, after a restart, it finds its copy and leaves it.
 */
export const salvage = async (
  disk: Disk,
  segment: Segment,
  { kind, ...range }: FileRange & Pick<Damage, "kind">,
): Promise<void> => {
  const aside = join(disk.directory, damagedDirectory);
  const path = join(aside, `${segment.name.replace(/\.journal$/, "")}-${range.at}.bytes`);
  try {
    await disk.files.makeDirectory(aside);
    await copyRange(disk, segment.path, { path, range });
    await disk.files.syncDirectory(aside);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") {
      segment.keep = true;
      disk.on.failed("salvage", codeOf(error));
    }
  }
  disk.on.damaged({ file: segment.name, at: range.at, bytes: range.bytes, kind });
};

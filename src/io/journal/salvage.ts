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
        const got = await readLeniently({ file: source }, step, at + done);
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

/** Under its own name only when it is whole: a crash leaves a part, and the next attempt must not take that for the copy. */
const copyOnce = async (disk: Disk, from: string, to: { aside: string; name: string; range: FileRange }) => {
  const { files } = disk;
  const names = await files.list(to.aside);
  if (names.includes(to.name)) return;
  const part = join(to.aside, `${to.name}.part`);
  if (names.includes(`${to.name}.part`)) await files.remove(part);
  await copyRange(disk, from, { path: part, range: to.range });
  await files.rename(part, join(to.aside, to.name));
  await files.syncDirectory(to.aside);
};

/**
 * Copies bad bytes to `damaged/<segment>-<place>-<length>.bytes` and reports them. When that fails, the segment itself is kept
 * for as long as this process runs. A second time, after a restart, it finds its copy and leaves it.
 */
export const salvage = async (
  disk: Disk,
  segment: Segment,
  { kind, ...range }: FileRange & Pick<Damage, "kind">,
): Promise<void> => {
  const aside = join(disk.directory, damagedDirectory);
  const name = `${segment.name.replace(/\.journal$/, "")}-${range.at}-${range.bytes}.bytes`;
  try {
    await disk.files.makeDirectory(aside);
    await copyOnce(disk, segment.path, { aside, name, range });
  } catch (error) {
    segment.keep = true;
    disk.on.failed("salvage", codeOf(error));
  }
  disk.on.damaged({ file: segment.name, at: range.at, bytes: range.bytes, kind });
};

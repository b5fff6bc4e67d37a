import * as fs from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";

/** An open file. Calls may overlap only if they are reads. */
export type File = {
  /** All of the bytes, or an error; after one, any part of them may have arrived. */
  write(bytes: Buffer, position: number): Promise<void>;
  /** As many bytes as the file has there, up to the buffer's length. */
  read(into: Buffer, position: number): Promise<number>;
  size(): Promise<number>;
  /** Resolves when contents and length survive a power cut. After a failure nothing is known about earlier writes. */
  sync(): Promise<void>;
  close(): Promise<void>;
};

export type NewFile = File & {
  /** `write` and `sync` in one, of these bytes alone: what `write` has written before is not synced with them. */
  writeThrough(bytes: Buffer, position: number): Promise<void>;
};

/** Held until `release`, or until the process ends in whatever way. */
export type Lock = {
  /** Rejects when the locked file is not at its path any more: the directory was moved, removed or made anew. */
  check(): Promise<void>;
  release(): void;
};

export type Space = {
  /** What an unprivileged process may still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
};

/** Every file operation of the journals, so that tests can fail each of them. All reject with the system's error. */
export type Files = {
  /** A new file, 0600; rejects when there is one of this name. Its name survives a power cut after `syncDirectory`. */
  create(path: string): Promise<NewFile>;
  openToRead(path: string): Promise<File>;
  /** For writing in place; created, 0600, when missing. */
  openToUpdate(path: string): Promise<File>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** File names, in no order; empty when there is no such directory. */
  list(directory: string): Promise<readonly string[]>;
  /** With all its parents, 0700; what it made survives a power cut. Does nothing when it is there. */
  makeDirectory(directory: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
  /** Of the disk of this directory. */
  space(directory: string): Promise<Space>;
  /** Null when another process, or another part of this one, holds it. */
  lock(path: string): Lock | null;
};

const { O_CREAT, O_DIRECTORY, O_DSYNC, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;

const open = promisify(fs.open);
const close = promisify(fs.close);
const write = promisify(fs.write);
const read = promisify(fs.read);
const fdatasync = promisify(fs.fdatasync);
const fsync = promisify(fs.fsync);
const fstat = promisify(fs.fstat);

const writeAll = async (fd: number, bytes: Buffer, position: number): Promise<void> => {
  let done = 0;
  // A disk that fills up takes a part first, and gives the error at the next call.
  while (done < bytes.length) {
    const { bytesWritten } = await write(fd, bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
};

const readUpTo = async (fd: number, into: Buffer, position: number): Promise<number> => {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await read(fd, into, done, into.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
};

const toFile = (fd: number): File => ({
  write: (bytes, position) => writeAll(fd, bytes, position),
  read: (into, position) => readUpTo(fd, into, position),
  size: async () => (await fstat(fd)).size,
  sync: () => fdatasync(fd),
  close: () => close(fd),
});

const openFile = async (path: string, flags: number): Promise<File> => toFile(await open(path, flags, 0o600));

/**
 * `statfs` types of ext2 to ext4, XFS and Btrfs: on these a write to a file opened with O_DSYNC ends as an fdatasync of
 * these bytes would. FUSE and 9p may pass the flag on to a server that ignores it, and an overlay may lie on them.
 */
const typesThatWriteThrough: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e]);

/** The same file once more; null where that, or writing through, is not to be had. */
const openThrough = async (fd: number): Promise<number | null> => {
  // Not by its name, which may be another file's by now.
  const path = `/proc/self/fd/${fd}`;
  try {
    const { type } = await fs.promises.statfs(path);
    return typesThatWriteThrough.has(type) ? await open(path, O_WRONLY | O_DSYNC) : null;
  } catch {
    return null;
  }
};

const create = async (path: string): Promise<NewFile> => {
  const fd = await open(path, O_RDWR | O_CREAT | O_EXCL, 0o600);
  const file = toFile(fd);
  const through = await openThrough(fd);
  if (through === null) {
    const writeThrough = async (bytes: Buffer, position: number): Promise<void> => {
      await file.write(bytes, position);
      await file.sync();
    };
    return { ...file, writeThrough };
  }
  return {
    ...file,
    writeThrough: (bytes, position) => writeAll(through, bytes, position),
    close: async () => {
      try {
        await close(through);
      } finally {
        await file.close();
      }
    },
  };
};

const syncDirectory = async (directory: string): Promise<void> => {
  const fd = await open(directory, O_RDONLY | O_DIRECTORY);
  try {
    await fsync(fd);
  } catch (error) {
    // What a file system says that has no such thing as syncing a directory.
    if (codeOf(error) !== "EINVAL") throw error;
  } finally {
    await close(fd);
  }
};

const makeDirectory = async (directory: string): Promise<void> => {
  const topmost = await fs.promises.mkdir(directory, { recursive: true, mode: 0o700 });
  if (topmost === undefined) return;
  // Each new directory is an entry of its parent.
  for (let made = directory; made.length >= topmost.length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
};

const list = async (directory: string): Promise<readonly string[]> => {
  try {
    return await fs.promises.readdir(directory);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
};

/** Never opens a file that is there: closing it again would drop this process's own lock on it. */
const createPrivate = (path: string): void => {
  try {
    fs.closeSync(fs.openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o600));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
};

const checkOf = (path: string): Lock["check"] => {
  const held = fs.statSync(path);
  return async () => {
    const found = await fs.promises.stat(path);
    if (found.ino === held.ino && found.dev === held.dev) return;
    throw Object.assign(new Error(`${path} is another file than at the start`), {
      code: "ESTALE",
      syscall: "stat",
    });
  };
};

/**
 * SQLite locks its file by `fcntl`: the kernel's own lock, gone with the process that held it, the same for containers that
 * share a volume, and reachable from Node without a native module. The file stays empty; only its lock is used.
 */
const lock = (path: string): Lock | null => {
  createPrivate(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return { check: checkOf(path), release: () => database.close() };
  } catch (error) {
    database.close();
    if (isBusy(error)) return null;
    throw error;
  }
};

const sqliteBusy = 5;

const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && error.errcode === sqliteBusy;

/** The system's name of an error, such as `ENOSPC`; "unknown" for what is none. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";

/** False for a bug, which nobody may take for a fault of the disk. */
export const isSystemError = (error: unknown): boolean => error instanceof Error && "syscall" in error;

/** To read; null when there is no such file. */
export const openIfThere = async (files: Files, path: string): Promise<File | null> => {
  try {
    return await files.openToRead(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
};

export const realFiles: Files = {
  create,
  openToRead: (path) => openFile(path, O_RDONLY),
  openToUpdate: (path) => openFile(path, O_RDWR | O_CREAT),
  rename: (from, to) => fs.promises.rename(from, to),
  remove: (path) => fs.promises.unlink(path),
  list,
  makeDirectory,
  syncDirectory,
  space: async (directory) => {
    const { bavail, blocks, bsize } = await fs.promises.statfs(directory);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  },
  lock,
};

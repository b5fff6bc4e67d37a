/**
 * A file system in memory that behaves as badly as a real one may. It forgets, when the power is cut, any part of what was
 * written and not synced, and any names made or removed in a directory that was not synced. After a failed sync it calls
 * the lost bytes clean, as Linux does: a later sync succeeds and does not bring them back.
 */
import { dirname } from "node:path";
import { setImmediate as pause } from "node:timers/promises";
import type { Files, NewFile } from "../../src/io/journal/files.ts";
import { mulberry32 } from "./random.ts";

type Write = { readonly position: number; readonly bytes: Buffer };
type Inode = { now: Buffer; durable: Buffer; unsynced: Write[] };
type NameChange = { readonly directory: string; readonly apply: (names: Names) => void };
type Names = Map<string, Inode>;

export type Operation =
  | "create"
  | "open"
  | "write"
  | "read"
  | "size"
  | "sync"
  | "close"
  | "rename"
  | "remove"
  | "list"
  | "makeDirectory"
  | "syncDirectory"
  | "space";

/** What becomes of one operation: null lets it be; `cut` is the power cut; else the system's code. */
export type Fault = (operation: Operation, path: string) => "cut" | "EIO" | "ENOSPC" | "EACCES" | null;

export type ModelFiles = {
  readonly files: Files;
  /** Asked at each operation. */
  fault: Fault;
  /** All bytes together; a write beyond takes what fits, then fails with ENOSPC. */
  capacity: number;
  /** Operations so far. */
  readonly operations: () => number;
  readonly isCut: () => boolean;
  /** What is left after a power cut, or after kill -9 (nothing is lost then), as a new file system. */
  readonly restart: (how: "power" | "kill") => ModelFiles;
  readonly contents: (path: string) => Buffer | undefined;
  /** Overwrites a file, durably: damage. */
  readonly damage: (path: string, bytes: Buffer) => void;
  readonly names: () => readonly string[];
};

type Disk = { readonly names: Names; readonly durable: Names; readonly changes: NameChange[] };

type Model = Disk & {
  readonly locks: Set<string>;
  readonly random: () => number;
  operations: number;
  cut: boolean;
};

export const systemError = (code: string, syscall: string): Error =>
  Object.assign(new Error(`${code}: model, ${syscall}`), { code, syscall });

const put = (into: Buffer, { position, bytes }: Write): Buffer => {
  const end = position + bytes.length;
  const grown =
    end > into.length ? Buffer.concat([into, Buffer.alloc(end - into.length)]) : Buffer.from(into);
  bytes.copy(grown, position);
  return grown;
};

/** Any unsynced write may be there, cut off, full of zeros, or not there at all, whatever became of the others. */
const survivor = (inode: Inode, random: () => number): Buffer => {
  let bytes = inode.durable;
  for (const write of inode.unsynced) {
    const kept = Math.floor(random() * (write.bytes.length + 1));
    switch (Math.floor(random() * 4)) {
      case 0:
        bytes = put(bytes, write);
        break;
      case 1:
        bytes = put(bytes, { position: write.position, bytes: write.bytes.subarray(0, kept) });
        break;
      case 2:
        bytes = put(bytes, { position: write.position, bytes: Buffer.alloc(write.bytes.length) });
        break;
      default:
        break;
    }
  }
  return bytes;
};

const settleSync = (inode: Inode, bytes: Buffer): void => {
  inode.durable = bytes;
  inode.unsynced = [];
};

const inodeAt = (model: Model, path: string): Inode => {
  const inode = model.names.get(path);
  if (inode === undefined) throw systemError("ENOENT", `open ${path}`);
  return inode;
};

const change = (model: Model, directory: string, apply: (names: Names) => void): void => {
  apply(model.names);
  model.changes.push({ directory, apply });
};

const usedBytes = (model: Model): number =>
  [...model.names.values()].reduce((n, { now }) => n + now.length, 0);

export const createModelFiles = (seed = 1): ModelFiles => modelFilesWith(new Map(), seed);

/** With these contents, by path, all durable. */
export const modelFilesWith = (contents: ReadonlyMap<string, Buffer>, seed = 1): ModelFiles => {
  const names: Names = new Map();
  for (const [path, bytes] of contents) names.set(path, { now: bytes, durable: bytes, unsynced: [] });
  return createFrom({ names, durable: new Map(names), changes: [] }, mulberry32(seed));
};

const createFrom = (disk: Disk, random: () => number): ModelFiles => {
  const model: Model = {
    names: disk.names,
    durable: disk.durable,
    changes: disk.changes,
    locks: new Set(),
    random,
    operations: 0,
    cut: false,
  };

  /** True when this operation is the one at which the power goes: whether it still happened is left to chance. */
  const enter = async (operation: Operation, path: string): Promise<boolean> => {
    await (random() < 0.3 ? pause() : Promise.resolve());
    if (model.cut) throw systemError("EIO", "power is off");
    model.operations += 1;
    const fault = self.fault(operation, path);
    if (fault === "cut") model.cut = true;
    else if (fault !== null) {
      if (operation === "sync") settleSync(inodeAt(model, path), survivor(inodeAt(model, path), random));
      throw systemError(fault, operation);
    }
    return fault === "cut";
  };
  const perform = async <T>(operation: Operation, path: string, action: () => T): Promise<T> => {
    const dying = await enter(operation, path);
    if (dying && random() < 0.5) throw systemError("EIO", "power is off");
    const result = action();
    if (dying) throw systemError("EIO", "power is off");
    return result;
  };

  const open = (path: string): NewFile => {
    const inode = inodeAt(model, path);
    const write = (bytes: Buffer, position: number): Promise<Write> =>
      perform("write", path, () => {
        const growth = Math.max(0, position + bytes.length - inode.now.length);
        const missing = Math.max(0, usedBytes(model) + growth - self.capacity);
        const written = { position, bytes: Buffer.from(bytes.subarray(0, bytes.length - missing)) };
        inode.now = put(inode.now, written);
        inode.unsynced.push(written);
        if (missing > 0) throw systemError("ENOSPC", "write");
        return written;
      });
    return {
      write: async (bytes, position) => void (await write(bytes, position)),
      writeThrough: async (bytes, position) => {
        const written = await write(bytes, position);
        await perform("sync", path, () => {
          inode.durable = put(inode.durable, written);
          inode.unsynced = inode.unsynced.filter((one) => one !== written);
        });
      },
      read: (into, position) =>
        perform("read", path, () => inode.now.copy(into, 0, Math.min(position, inode.now.length))),
      size: () => perform("size", path, () => inode.now.length),
      sync: () => perform("sync", path, () => settleSync(inode, inode.unsynced.reduce(put, inode.durable))),
      close: () => perform("close", path, () => undefined),
    };
  };
  const create = (path: string): NewFile => {
    if (model.names.has(path)) throw systemError("EEXIST", `open ${path}`);
    const inode: Inode = { now: Buffer.alloc(0), durable: Buffer.alloc(0), unsynced: [] };
    change(model, dirname(path), (into) => into.set(path, inode));
    return open(path);
  };
  const files: Files = {
    create: (path) => perform("create", path, () => create(path)),
    openToRead: (path) => perform("open", path, () => open(path)),
    openToUpdate: (path) => perform("open", path, () => (model.names.has(path) ? open(path) : create(path))),
    rename: (from, to) =>
      perform("rename", from, () => {
        const inode = inodeAt(model, from);
        change(model, dirname(from), (into) => void (into.delete(from), into.set(to, inode)));
      }),
    remove: (path) =>
      perform("remove", path, () => {
        inodeAt(model, path);
        change(model, dirname(path), (into) => void into.delete(path));
      }),
    list: (directory) =>
      perform("list", directory, () =>
        [...model.names.keys()]
          .filter((path) => dirname(path) === directory)
          .map((path) => path.slice(directory.length + 1)),
      ),
    makeDirectory: (directory) => perform("makeDirectory", directory, () => undefined),
    syncDirectory: (directory) =>
      perform("syncDirectory", directory, () => {
        for (const { apply } of model.changes.filter((one) => one.directory === directory))
          apply(model.durable);
        model.changes.splice(0, Infinity, ...model.changes.filter((one) => one.directory !== directory));
      }),
    space: (directory) =>
      perform("space", directory, () => ({
        freeBytes: self.capacity - usedBytes(model),
        totalBytes: self.capacity,
      })),
    lock: (path) => {
      if (model.locks.has(path)) return null;
      model.locks.add(path);
      return { check: () => Promise.resolve(), release: () => void model.locks.delete(path) };
    },
  };
  const restart = (how: "power" | "kill"): ModelFiles => {
    if (how === "kill") return createFrom(model, random);
    const left = new Map(model.durable);
    for (const { apply } of model.changes) if (random() < 0.5) apply(left);
    for (const inode of left.values()) settleSync(inode, survivor(inode, random));
    for (const inode of left.values()) inode.now = inode.durable;
    return createFrom({ names: left, durable: new Map(left), changes: [] }, random);
  };
  const self: ModelFiles = {
    files,
    fault: () => null,
    capacity: Infinity,
    operations: () => model.operations,
    isCut: () => model.cut,
    restart,
    contents: (path) => model.names.get(path)?.now,
    damage: (path, bytes) => {
      const inode = inodeAt(model, path);
      settleSync(inode, bytes);
      inode.now = bytes;
    },
    names: () => [...model.names.keys()].toSorted(),
  };
  return self;
};

/**
 * The cursor file: the sequence up to which everything is released. Two places, written in turn, so that one whole value is
 * always there; in place, so that it needs no new block on a full disk. All numbers are big-endian.
 *
 *     0  magic    8 bytes "eSignCur"
 *     8  sequence f64
 *    16  crc      u32   CRC32 over the 16 bytes before it
 *  4096  the same
 *
 * The greater one of the two counts. It may be lower than what was released (duplicates), never higher (loss).
 */
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { isSystemError, type File, type Files } from "./files.ts";

export type Cursor = {
  /** The last value that survives a power cut; 0 when there is none. */
  durable: number;
  /** No place gave a value: there was none yet, or they are damaged. */
  readonly lost: boolean;
  /** How many places are in the file and gave none, be it for a moment. */
  readonly silent: number;
  readonly file: File;
  nextPlace: number;
  /** Until the last write that was asked for has ended, well or not. */
  writing: Promise<unknown>;
};

const magic = Buffer.from("eSignCur", "latin1");
export const placeBytes = 4096;
const valueBytes = 20;

const valueOf = (bytes: Buffer): number | null => {
  if (!bytes.subarray(0, magic.length).equals(magic)) return null;
  return crc32(bytes.subarray(0, 16)) === bytes.readUInt32BE(16) ? bytes.readDoubleBE(8) : null;
};

/** An unreadable place is as good as a damaged one: the other counts. */
export const readPlace = async (file: File, at: number): Promise<number | null> => {
  const bytes = Buffer.alloc(valueBytes);
  try {
    await file.read(bytes, at);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return null;
  }
  return valueOf(bytes);
};

const readCursor = async (file: File): Promise<Cursor> => {
  // A process that was killed may have left it unsynced: the power must not take what is believed from here on.
  await file.sync();
  const size = await file.size();
  const first = await readPlace(file, 0);
  const second = await readPlace(file, placeBytes);
  return {
    durable: Math.max(first ?? 0, second ?? 0),
    lost: first === null && second === null,
    silent: [first === null && size > 0, second === null && size > placeBytes].filter(Boolean).length,
    file,
    // Over the lesser one: the greater must outlive a write that is cut in half.
    nextPlace: (first ?? 0) > (second ?? 0) ? 1 : 0,
    writing: Promise.resolve(),
  };
};

export const openCursor = async (files: Files, directory: string): Promise<Cursor> => {
  const file = await files.openToUpdate(join(directory, "cursor"));
  try {
    const cursor = await readCursor(file);
    // The name of a new file must be durable before its contents can be.
    await files.syncDirectory(directory);
    return cursor;
  } catch (error) {
    await file.close();
    throw error;
  }
};

const writePlace = async (cursor: Cursor, sequence: number): Promise<void> => {
  // All of it, or the disk would have to be read first: one that refuses the place could not be written either.
  const bytes = Buffer.alloc(placeBytes);
  bytes.set(magic, 0);
  bytes.writeDoubleBE(sequence, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 16)), 16);
  await cursor.file.write(bytes, cursor.nextPlace * placeBytes);
  await cursor.file.sync();
  cursor.durable = sequence;
  cursor.nextPlace = 1 - cursor.nextPlace;
};

/** One place after the other, whoever asks; a lower sequence than the last one writes that again. */
export const writeCursor = (cursor: Cursor, sequence: number): Promise<void> => {
  const written = cursor.writing.then(() => writePlace(cursor, Math.max(sequence, cursor.durable)));
  cursor.writing = Promise.allSettled([written]);
  return written;
};

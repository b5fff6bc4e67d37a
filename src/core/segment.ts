/**
 * The head of a segment file, in front of its frames (`frame.ts`). All numbers are big-endian.
 *
 *     0  magic     8 bytes "eSignJnl"
 *     8  version   u16     1, or 2: the payloads are encrypted (`cipher.ts`)
 *    10  zero      u16
 *    12  salt      u32     random; begins every CRC in this file but the one below
 *    16  first     f64     the sequence of the frame with index 0
 *    24  createdAt f64     milliseconds since 1970
 *    32  crc       u32     CRC32 over the 32 bytes before it
 *    36  version 1: zeros, up to 64
 *        version 2: seed    16 bytes, random
 *    52             key     8 bytes, the id of the key (`journal-keys.ts`)
 *    60             crc     u32, CRC32 over the 60 bytes before it
 *    64  zeros, up to 4096
 *  4096  the 64 bytes again, on another page: one bad sector must not make the whole segment unreadable
 *  4160  frames
 *
 * Every later version keeps both copies and the first CRC where they are: a version is believed only when that holds. One that
 * is not known is refused. Without a key version 1 is written, which every bridge reads.
 *
 * Files are named by their number, `00000000000000000001.journal`, and read in that order. `first` never falls from one file to the
 * next, and a segment holds exactly the sequences from its own `first` up to the next one's: what it has beyond them was
 * written again there, and what is missing from them is lost.
 */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";

export type SegmentHeader = {
  readonly salt: number;
  readonly first: number;
  readonly createdAt: number;
  /** Null: anybody can read it. */
  readonly encryption: { readonly seed: Buffer; readonly keyId: string } | null;
};

const plainVersion = 1;
/** The last one that is known. */
export const segmentVersion = 2;
export const segmentHeaderBytes = 4160;

const copyBytes = 64;
const secondCopyAt = 4096;
const seedAt = 36;
const keyAt = 52;
const secondCrcAt = 60;
const magic = Buffer.from("eSignJnl", "latin1");

const writeEncryption = (copy: Buffer, { seed, keyId }: NonNullable<SegmentHeader["encryption"]>): void => {
  copy.set(seed, seedAt);
  copy.write(keyId, keyAt, "hex");
  copy.writeUInt32BE(crc32(copy.subarray(0, secondCrcAt)), secondCrcAt);
};

const writeCopy = (copy: Buffer, header: SegmentHeader): void => {
  const { encryption } = header;
  copy.set(magic, 0);
  copy.writeUInt16BE(encryption === null ? plainVersion : segmentVersion, 8);
  copy.writeUInt32BE(header.salt, 12);
  copy.writeDoubleBE(header.first, 16);
  copy.writeDoubleBE(header.createdAt, 24);
  copy.writeUInt32BE(crc32(copy.subarray(0, 32)), 32);
  if (encryption !== null) writeEncryption(copy, encryption);
};

export const writeSegmentHeader = (into: Buffer, header: SegmentHeader): void => {
  into.fill(0, 0, segmentHeaderBytes);
  writeCopy(into, header);
  into.copy(into, secondCopyAt, 0, copyBytes);
};

/** All that the header says, byte by byte: a key that is made from it opens no other segment. */
export const statementOf = (header: SegmentHeader): Buffer => {
  const copy = Buffer.alloc(copyBytes);
  writeCopy(copy, header);
  return copy;
};

export type SegmentHeaderRead =
  | { readonly kind: "good"; readonly header: SegmentHeader }
  | { readonly kind: "version-unknown"; readonly version: number }
  | { readonly kind: "damaged" };

/** Undefined when it is damaged. A copy: the buffer may be used again. */
const readEncryption = (copy: Buffer) =>
  crc32(copy.subarray(0, secondCrcAt)) === copy.readUInt32BE(secondCrcAt)
    ? { seed: Buffer.from(copy.subarray(seedAt, keyAt)), keyId: copy.toString("hex", keyAt, secondCrcAt) }
    : undefined;

const readCopy = (copy: Buffer): SegmentHeaderRead => {
  if (copy.length < copyBytes || !copy.subarray(0, magic.length).equals(magic)) return { kind: "damaged" };
  if (crc32(copy.subarray(0, 32)) !== copy.readUInt32BE(32)) return { kind: "damaged" };
  const version = copy.readUInt16BE(8);
  if (version !== plainVersion && version !== segmentVersion) return { kind: "version-unknown", version };
  const encryption = version === plainVersion ? null : readEncryption(copy);
  if (encryption === undefined) return { kind: "damaged" };
  const header = {
    salt: copy.readUInt32BE(12),
    first: copy.readDoubleBE(16),
    createdAt: copy.readDoubleBE(24),
    encryption,
  };
  return { kind: "good", header };
};

/** From the first bytes of a file. One good copy is enough. */
export const readSegmentHeader = (bytes: Buffer): SegmentHeaderRead => {
  const first = readCopy(bytes.subarray(0, copyBytes));
  return first.kind === "damaged" ? readCopy(bytes.subarray(secondCopyAt, segmentHeaderBytes)) : first;
};

const nameDigits = 20;
const nameEnd = ".journal";

export const segmentFileName = (number: number): string => `${number}`.padStart(nameDigits, "0") + nameEnd;

/** The number in a segment's file name; null for every other file. */
export const segmentNumberOf = (fileName: string): number | null =>
  /^\d{20}\.journal$/.test(fileName) ? Number(fileName.slice(0, nameDigits)) : null;

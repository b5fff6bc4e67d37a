/**
 * Frames: how one arrival lies in a segment file. All numbers are big-endian.
 *
 *     0  marker   u32  ff c0 fe c1: four bytes of which none occurs in UTF-8 text
 *     4  crc      u32  CRC32 over everything behind it, begun with the segment's salt
 *     8  length   u32  of the payload
 *    12  index    u32  place in the segment: 0, 1, 2 …, without a gap
 *    16  payload; sealed in an encrypted segment (`cipher.ts`), as all of the following then is
 *
 *     0  kind       u8   1: an arrival; 2: one that Kafka had before it was written, of which only the first 26 bytes are kept
 *     1  flags      u8   1: has a source, 2: is a dead letter
 *     2  receivedAt f64  milliseconds since 1970
 *    10  eventId    16 bytes
 *    26  source, then reason, detail and topic of the dead letter, as far as the flags say so: u16 length, UTF-8
 *     …  body, up to the end of the payload
 *
 * Invariants: a frame is given out only when its CRC holds over length, index and payload, and when its index can stand
 * there. The salt is random for each segment and known to nobody outside: bytes in a body, or left on the disk by an older
 * segment, never pass for a frame, whatever they hold.
 */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { openPayload, tagBytes, type SegmentCipher } from "./cipher.ts";
import type { Arrival, DeadLetter } from "./journal.ts";
import { isDeadLetterReason } from "./result.ts";

const frameHeaderBytes = 16;
/** A longer payload is not written; a longer length that is read is damage. */
export const maxPayloadBytes = 64 * 1024 * 1024;

const marker = 0xff_c0_fe_c1;
const markerBytes = Buffer.from([0xff, 0xc0, 0xfe, 0xc1]);
const arrivalKind = 1;
const settledKind = 2;
const fixedPayloadBytes = 26;
const sourceFlag = 1;
const deadLetterFlag = 2;
/** Enough for an operator; what is longer is cut when it is written. */
const maxDetailLength = 4096;

const textBytesAtMost = (text: string): number => 2 + text.length * 3;

/** At least as many bytes as the frame of this arrival takes, sealed or not. */
export const frameBytesAtMost = (arrival: Arrival): number => {
  let bytes = frameHeaderBytes + fixedPayloadBytes + arrival.body.length + tagBytes;
  if (arrival.source !== null) bytes += textBytesAtMost(arrival.source);
  const letter = arrival.deadLetter;
  if (letter !== null) {
    bytes += textBytesAtMost(letter.reason) + textBytesAtMost(letter.detail) + textBytesAtMost(letter.topic);
  }
  return bytes;
};

/** At least as many bytes as the frame of a settled arrival takes. */
export const settledFrameBytes = frameHeaderBytes + fixedPayloadBytes + tagBytes;

const writeText = (into: Buffer, at: number, text: string): number => {
  const length = into.write(text, at + 2, "utf8");
  into.writeUInt16BE(length, at);
  return at + 2 + length;
};

const writeDeadLetter = (into: Buffer, at: number, letter: DeadLetter): number => {
  let end = writeText(into, at, letter.reason);
  end = writeText(into, end, letter.detail.slice(0, maxDetailLength));
  return writeText(into, end, letter.topic);
};

const writeStamp = (into: Buffer, at: number, { eventId, receivedAt }: Stamp): number => {
  into.writeDoubleBE(receivedAt, at + 2);
  if (eventId.length !== 32 || into.write(eventId, at + 10, 16, "hex") !== 16) {
    throw new RangeError("an event id is 32 hex digits");
  }
  return at + fixedPayloadBytes;
};

const writeSettled = (into: Buffer, at: number, stamp: Stamp): number => {
  into[at] = settledKind;
  into[at + 1] = 0;
  return writeStamp(into, at, stamp);
};

const writeArrival = (into: Buffer, at: number, arrival: Arrival): number => {
  const { source, deadLetter } = arrival;
  into[at] = arrivalKind;
  into[at + 1] = (source === null ? 0 : sourceFlag) | (deadLetter === null ? 0 : deadLetterFlag);
  let end = writeStamp(into, at, arrival);
  if (source !== null) end = writeText(into, end, source);
  if (deadLetter !== null) end = writeDeadLetter(into, end, deadLetter);
  into.set(arrival.body, end);
  return end + arrival.body.length;
};

type FrameToWrite = {
  readonly arrival: Arrival;
  /** Kafka has it: nothing but its stamp is written. */
  readonly isSettled: boolean;
  readonly index: number;
  readonly salt: number;
  readonly cipher: SegmentCipher | null;
};

const writePayload = (into: Buffer, at: number, frame: FrameToWrite): number => {
  const { arrival, isSettled, index, cipher } = frame;
  const end = isSettled ? writeSettled(into, at, arrival) : writeArrival(into, at, arrival);
  if (cipher === null) return end;
  cipher.seal(into.subarray(at, end), index, into.subarray(end, end + tagBytes));
  return end + tagBytes;
};

/** Writes a frame at `at`, where `frameBytesAtMost` bytes must be free, and gives the place behind it. */
export const writeFrame = (into: Buffer, at: number, frame: FrameToWrite): number => {
  const end = writePayload(into, at + frameHeaderBytes, frame);
  into.writeUInt32BE(marker, at);
  into.writeUInt32BE(end - at - frameHeaderBytes, at + 8);
  into.writeUInt32BE(frame.index, at + 12);
  into.writeUInt32BE(crc32(into.subarray(at + 8, end), frame.salt), at + 4);
  return end;
};

/** Reads texts one behind the other; `at` turns NaN, and stays so, when one does not fit. */
type TextReader = { readonly bytes: Buffer; at: number };

const readText = (reader: TextReader): string => {
  const { bytes, at } = reader;
  const start = at + 2;
  const end = start <= bytes.length ? start + bytes.readUInt16BE(at) : Number.NaN;
  reader.at = end <= bytes.length ? end : Number.NaN;
  return Number.isNaN(reader.at) ? "" : bytes.toString("utf8", start, end);
};

/** Null when another version of the bridge knew the reason: the callback is then tried as if it were new. */
const readDeadLetter = (reader: TextReader): DeadLetter | null => {
  const reason = readText(reader);
  const detail = readText(reader);
  const topic = readText(reader);
  return isDeadLetterReason(reason) ? { reason, detail, topic } : null;
};

/** The arrival in a payload, its body a part of the same memory; null when this version cannot have written it. */
export const readArrival = (payload: Buffer): Arrival | null => {
  const flags = payload[1] ?? 0;
  if (payload.length < fixedPayloadBytes || payload[0] !== arrivalKind || flags > 3) return null;
  const reader = { bytes: payload, at: fixedPayloadBytes };
  const source = (flags & sourceFlag) === 0 ? null : readText(reader);
  const deadLetter = (flags & deadLetterFlag) === 0 ? null : readDeadLetter(reader);
  if (Number.isNaN(reader.at)) return null;
  const { eventId, receivedAt } = readStamp(payload);
  return { eventId, receivedAt, source, body: payload.subarray(reader.at), deadLetter };
};

/** What tells a repeat. */
export type Stamp = Pick<Arrival, "eventId" | "receivedAt">;

/** Of any payload: much cheaper than the whole arrival. */
export const readStamp = (payload: Buffer): Stamp => ({
  eventId: payload.toString("hex", 10, 26),
  receivedAt: payload.readDoubleBE(2),
});

/** Kafka had it before it was written. */
export const isSettled = (payload: Buffer): boolean =>
  payload[0] === settledKind && payload[1] === 0 && payload.length === fixedPayloadBytes;

/** `arrival`: null when nothing but the stamp is kept. */
export type Content = { readonly stamp: Stamp; readonly arrival: Arrival | null };

/** What is in a frame of a segment that may or may not be encrypted; null also when it opens not with this key in this place. */
export const openFrame = (
  cipher: SegmentCipher | null,
  frame: { readonly payload: Buffer; readonly index: number },
): Content | null => {
  const payload = openPayload(cipher, frame);
  if (payload === null) return null;
  if (isSettled(payload)) return { stamp: readStamp(payload), arrival: null };
  const arrival = readArrival(payload);
  return arrival === null ? null : { stamp: arrival, arrival };
};

/** A window on a segment file, and what must be true of the next frame in it. */
export type FrameSearch = {
  readonly bytes: Buffer;
  /** How many bytes the file has from the window's start on: no frame reaches beyond. */
  readonly fileBytes: number;
  readonly salt: number;
  /** The index that comes next. */
  readonly index: number;
  /** Where its frame should begin; negative when the window has moved on past damage. */
  readonly expectedAt: number;
};

export type FrameFound =
  | ({ readonly kind: "frame" } & FramePlace)
  /** Unknown as yet: keep the window's bytes from `from` on, and have at least `bytes` there before asking again. */
  | { readonly kind: "more"; readonly from: number; readonly bytes: number }
  /** No good frame follows in this file. */
  | { readonly kind: "none" };

type FramePlace = {
  readonly start: number;
  readonly payloadAt: number;
  readonly end: number;
  readonly index: number;
};

/** Cheap checks first: noise full of markers must not cost a CRC over megabytes for each. */
const candidateAt = (search: FrameSearch, start: number): FramePlace | null => {
  const payloadAt = start + frameHeaderBytes;
  const length = search.bytes.readUInt32BE(start + 8);
  const index = search.bytes.readUInt32BE(start + 12);
  const end = payloadAt + length;
  const missed = Math.floor((start - search.expectedAt) / frameHeaderBytes);
  if (length > maxPayloadBytes || end > search.fileBytes) return null;
  return index >= search.index && index <= search.index + missed ? { start, payloadAt, end, index } : null;
};

const crcHolds = ({ bytes, salt }: FrameSearch, { start, end }: FramePlace): boolean =>
  crc32(bytes.subarray(start + 8, end), salt) === bytes.readUInt32BE(start + 4);

const markerFrom = (bytes: Buffer, from: number): number =>
  from + 4 <= bytes.length && bytes.readUInt32BE(from) === marker ? from : bytes.indexOf(markerBytes, from);

/** The next good frame at `from` or behind it. What lies between `expectedAt` and its start is damaged. */
export const findFrame = (search: FrameSearch, from: number): FrameFound => {
  const { bytes, fileBytes } = search;
  for (let at = from; ; at += 1) {
    const found = markerFrom(bytes, at);
    at = found < 0 ? Math.max(at, bytes.length - markerBytes.length + 1) : found;
    if (at + frameHeaderBytes > fileBytes) return { kind: "none" };
    if (at + frameHeaderBytes > bytes.length) return { kind: "more", from: at, bytes: frameHeaderBytes };
    const candidate = candidateAt(search, at);
    if (candidate === null) continue;
    if (candidate.end > bytes.length) return { kind: "more", from: at, bytes: candidate.end - at };
    if (crcHolds(search, candidate)) return { kind: "frame", ...candidate };
  }
};

import { openFrame, type Stamp } from "../../core/frame.ts";
import type { Arrival } from "../../core/journal.ts";
import { segmentHeaderBytes } from "../../core/segment.ts";
import { codeOf, isSystemError, type File, type Files } from "./files.ts";
import { isPlaced, type JournalSeen, type SegmentSeen } from "./inspection.ts";
import {
  acceptFrame,
  createSegmentReader,
  fillWindow,
  peekFrame,
  throwIfKeptBack,
  type SegmentFrame,
  type SegmentReader,
  type SegmentStep,
} from "./segment-reader.ts";

/** Something that is not as it should be. */
export type Finding = {
  readonly kind:
    /** Bytes in front of good frames that are none. */
    | "damage"
    /** Bytes behind the last good frame. */
    | "tail"
    /** Records that are not there. */
    | "missing"
    /** A file whose header cannot be read, */
    | "header"
    /** less of a file than a header is long, */
    | "stub"
    /** a file of a later version, */
    | "version"
    /** of another journal, */
    | "foreign"
    /** encrypted with a key that is not here, */
    | "key"
    /** or that the system does not give out. */
    | "refused";
  readonly file: string;
  readonly at: number;
  readonly bytes: number;
  /** Records that are lost with it: from here, */
  readonly from: number;
  /** up to this one, which is not. */
  readonly to: number;
  /** The version, the key's id, or the system's code. */
  readonly code: string;
};

export type RecordSeen = {
  readonly kind: "record";
  readonly sequence: number;
  readonly stamp: Stamp;
  /** Its body is a part of a larger piece of memory. Null: Kafka had it before it was written, and only the stamp is kept. */
  readonly arrival: Arrival | null;
};

export type Seen = RecordSeen | Finding;

type Range = { readonly from: number; readonly end: number };

const finding = (segment: SegmentSeen, one: Partial<Finding> & Pick<Finding, "kind">): Finding => ({
  file: segment.name,
  at: 0,
  bytes: 0,
  from: 0,
  to: 0,
  code: "",
  ...one,
});

const damageBefore = (segment: SegmentSeen, reader: SegmentReader, frame: SegmentFrame): Finding | null => {
  const { first } = segment.header;
  if (frame.damage === null) return null;
  return finding(segment, {
    kind: "damage",
    ...frame.damage,
    from: first + reader.index,
    to: first + frame.index,
  });
};

const toSeen = (segment: SegmentSeen, frame: SegmentFrame): Seen => {
  const sequence = segment.header.first + frame.index;
  const content = openFrame(segment.cipher, frame);
  if (content !== null) return { kind: "record", sequence, ...content };
  const { start: at, end } = frame;
  return finding(segment, { kind: "damage", at, bytes: end - at, from: sequence, to: sequence + 1 });
};

/** What a segment has beyond the first of the next one was written again there. */
const isLast = ({ header }: SegmentSeen, step: SegmentStep, end: number): boolean =>
  step.kind === "end" || (step.kind === "frame" && header.first + step.index >= end);

const endOfSegment = (
  segment: SegmentSeen,
  reader: SegmentReader,
  { bytes, end }: { readonly bytes: number; readonly end: number },
): Finding | null => {
  const from = segment.header.first + reader.index;
  const to = end === Infinity ? from : Math.max(from, end);
  if (bytes > 0) return finding(segment, { kind: "tail", at: reader.expectedAt, bytes, from, to });
  return to > from ? finding(segment, { kind: "missing", at: reader.expectedAt, from, to }) : null;
};

/** The frame, with what is wrong in front of it; or what is wrong behind the last one. */
async function* passStep(
  segment: SegmentSeen,
  reader: SegmentReader,
  { step, range }: { readonly step: Exclude<SegmentStep, { kind: "more" }>; readonly range: Range },
): AsyncGenerator<Seen> {
  const { from, end } = range;
  if (step.kind === "end" || isLast(segment, step, end)) {
    const last = endOfSegment(segment, reader, { bytes: step.damage?.bytes ?? 0, end });
    if (last !== null) yield last;
    return;
  }
  const damage = damageBefore(segment, reader, step);
  if (damage !== null) yield damage;
  acceptFrame(reader, step);
  if (segment.header.first + step.index >= from) yield toSeen(segment, step);
}

async function* scanFile(file: File, segment: SegmentSeen, range: Range): AsyncGenerator<Seen> {
  // What a running bridge has written by half when this is asked is acknowledged to nobody yet.
  const reader = createSegmentReader(file, { salt: segment.header.salt, bytes: await file.size() });
  for (;;) {
    const step = peekFrame(reader);
    if (step.kind === "more") {
      await fillWindow(reader);
    } else {
      if (step.kind === "end" && range.end === Infinity) throwIfKeptBack(reader);
      yield* passStep(segment, reader, { step, range });
      if (isLast(segment, step, range.end)) return;
    }
  }
}

/** Gone by now means that all in it was released. */
async function* scanSegment(files: Files, segment: SegmentSeen, range: Range): AsyncGenerator<Seen> {
  let file: File | null = null;
  try {
    file = await files.openToRead(segment.path);
    yield* scanFile(file, segment, range);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (codeOf(error) === "ENOENT") return;
    yield finding(segment, { kind: "refused", bytes: segment.bytes, code: codeOf(error) });
  } finally {
    await file?.close();
  }
}

const unreadable = (segment: SegmentSeen): Finding | null => {
  const { unreadable: why, bytes } = segment;
  if (why === null) return null;
  if (why.kind === "key") return finding(segment, { kind: "key", bytes, code: why.keyId });
  if (why.kind === "version") return finding(segment, { kind: "version", bytes, code: String(why.version) });
  const isStub = why.kind === "header" && bytes <= segmentHeaderBytes;
  return finding(segment, { kind: isStub ? "stub" : why.kind, bytes });
};

/** Every record from a sequence on, in order, and everything that is wrong with the segments which hold them. */
export async function* scanJournal(files: Files, seen: JournalSeen, from: number): AsyncGenerator<Seen> {
  const placed = seen.segments.filter(isPlaced);
  for (const segment of seen.segments) {
    const found = unreadable(segment);
    if (found !== null) yield found;
  }
  const [oldest] = placed;
  if (oldest !== undefined && from < oldest.header.first) {
    yield finding(oldest, { kind: "missing", from, to: oldest.header.first });
  }
  for (const [i, segment] of placed.entries()) {
    const end = placed[i + 1]?.header.first ?? Infinity;
    if (segment.unreadable === null && end > from) yield* scanSegment(files, segment, { from, end });
  }
}

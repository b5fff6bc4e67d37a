import { openPayload } from "../../core/cipher.ts";
import { isSettled, readStamp } from "../../core/frame.ts";
import type { Segment } from "./catalogue.ts";
import { codeOf, isSystemError, type File } from "./files.ts";
import { acceptFrame, createSegmentReader, fillWindow, peekFrame } from "./segment-reader.ts";
import type { Skipped } from "./skipped.ts";
import { releasedOf, type State } from "./state.ts";

/** What the repeat index needs of a callback that was accepted before. */
export type Seen = {
  readonly eventId: string;
  readonly receivedAt: number;
  /** Not yet settled when the scan began, or skipped: the same bytes may come again and be published. */
  readonly pending: boolean;
};

const seenPerBatch = 4096;

type Range = { readonly segment: Segment; readonly end: number; readonly skipped: Skipped };

/** Damage is left out here: it is the reader's to report. */
async function* readSegment(
  file: File,
  { segment, end, skipped }: Range,
  released: number,
): AsyncGenerator<Seen[]> {
  const reader = createSegmentReader(file, segment);
  let batch: Seen[] = [];
  for (;;) {
    const step = peekFrame(reader);
    if (step.kind === "more") {
      // As often as the disk is read: whoever asks may have no more time.
      yield batch;
      batch = [];
      await fillWindow(reader);
      continue;
    }
    const sequence = step.kind === "frame" ? segment.first + step.index : Infinity;
    if (step.kind === "end" || sequence >= end) break;
    const payload = openPayload(segment.cipher, step);
    if (payload !== null) {
      const waits = sequence >= released && !isSettled(payload);
      batch.push({ ...readStamp(payload), pending: waits || skipped.has(sequence) });
    }
    acceptFrame(reader, step);
    if (batch.length < seenPerBatch) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

/** The price is repeats that are not recognised. */
const sayUnreadable = ({ options }: State, error: unknown): void => {
  if (!isSystemError(error)) throw error;
  options.on.failed("read", codeOf(error));
};

/**
 * Of what is on the disk when the scan begins, oldest first, in batches: the segments up to the one in which reading begins.
 * Those that retention takes away meanwhile are passed over.
 */
export async function* readRetained(state: State): AsyncGenerator<readonly Seen[]> {
  const { catalogue, cursor, options } = state;
  const released = releasedOf(state);
  const { skipped } = state.backlog;
  // What an operator took out, here or from a lane, would look settled, and be a repeat of itself.
  if (skipped === null) return;
  const segments = [...catalogue.retained, ...catalogue.held];
  const ranges = segments.map((segment, i) => ({
    segment,
    end: segments[i + 1]?.first ?? Infinity,
    skipped,
  }));
  for (const range of ranges) {
    // Without a cursor all counts as unread, and only the frames tell what Kafka has.
    if (range.segment.first > released && !cursor.lost) return;
    let file: File;
    try {
      file = await options.files.openToRead(range.segment.path);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") sayUnreadable(state, error);
      continue;
    }
    try {
      yield* readSegment(file, range, released);
    } catch (error) {
      sayUnreadable(state, error);
    } finally {
      await file.close();
    }
  }
}

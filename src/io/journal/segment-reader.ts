import { findFrame } from "../../core/frame.ts";
import { segmentHeaderBytes } from "../../core/segment.ts";
import type { File } from "./files.ts";

/** Bytes of a file: `bytes` of them from `at` on. */
export type FileRange = { readonly at: number; readonly bytes: number };

/** A file to read from, and the last of its pages that the disk did not give out. */
export type Source = {
  readonly file: File;
  refusal?: { readonly end: number; readonly error: unknown };
  /** Rejects while the disk is out: pages that come then come from memory, and what is refused is not damaged. */
  prove?: () => Promise<void>;
};

/**
 * Goes through the frames of one segment file in large steps. `peekFrame` looks at the next frame, `acceptFrame` goes
 * behind it, and `fillWindow` is called whenever `peekFrame` asks for more.
 */
export type SegmentReader = Source & {
  readonly salt: number;
  /** How far the file may be read; rises while the segment is being written. */
  fileBytes: number;
  window: Buffer;
  /** Where the window begins in the file. */
  windowAt: number;
  /** Where the search goes on, and how many bytes from there it needs. */
  searchAt: number;
  wanted: number;
  /** Where the next frame should begin, and its index. */
  expectedAt: number;
  index: number;
  /** How many more reads may fail as a whole, to be tried again, before what cannot be read is taken for damage. */
  patience: number;
};

export type SegmentFrame = {
  readonly kind: "frame";
  readonly index: number;
  /** Shares its memory with its neighbours: up to `chunkBytes` live as long as it does. */
  readonly payload: Buffer;
  readonly start: number;
  /** The place in the file behind it. */
  readonly end: number;
  /** What could not be read in front of it. */
  readonly damage: FileRange | null;
};

export type SegmentStep =
  | SegmentFrame
  | { readonly kind: "more" }
  | { readonly kind: "end"; readonly damage: FileRange | null };

const chunkBytes = 1024 * 1024;
const pageBytes = 4096;

/** A place to begin: the start of a segment, or a frame whose index is known. */
export type SegmentMark = { readonly at: number; readonly index: number };

export const segmentStart: SegmentMark = { at: segmentHeaderBytes, index: 0 };

export const createSegmentReader = (
  file: File,
  segment: { readonly salt: number; readonly bytes: number },
  mark: SegmentMark = segmentStart,
): SegmentReader => ({
  file,
  salt: segment.salt,
  fileBytes: segment.bytes,
  window: Buffer.alloc(0),
  windowAt: mark.at,
  searchAt: mark.at,
  wanted: 0,
  expectedAt: mark.at,
  index: mark.index,
  patience: 0,
});

const damageUpTo = (reader: SegmentReader, end: number): FileRange | null =>
  end > reader.expectedAt ? { at: reader.expectedAt, bytes: end - reader.expectedAt } : null;

export const peekFrame = (reader: SegmentReader): SegmentStep => {
  const { window, windowAt } = reader;
  const search = {
    bytes: window,
    fileBytes: reader.fileBytes - windowAt,
    salt: reader.salt,
    index: reader.index,
    expectedAt: reader.expectedAt - windowAt,
  };
  const found = findFrame(search, reader.searchAt - windowAt);
  switch (found.kind) {
    case "none":
      return { kind: "end", damage: damageUpTo(reader, reader.fileBytes) };
    case "more":
      reader.searchAt = windowAt + found.from;
      reader.wanted = found.bytes;
      return { kind: "more" };
    case "frame":
      return {
        kind: "frame",
        index: found.index,
        payload: window.subarray(found.payloadAt, found.end),
        start: windowAt + found.start,
        end: windowAt + found.end,
        damage: damageUpTo(reader, windowAt + found.start),
      };
  }
};

export const acceptFrame = (reader: SegmentReader, frame: SegmentFrame): void => {
  reader.expectedAt = frame.end;
  reader.searchAt = frame.end;
  reader.index = frame.index + 1;
};

/** Reads what can be read: an unreadable page counts as zeros, which no frame survives, but its neighbours do. */
export const readLeniently = async (source: Source, into: Buffer, position: number): Promise<number> => {
  try {
    return await source.file.read(into, position);
  } catch {
    return readPages(source, into, position);
  }
};

/** A page of the file, or a part of one, and where its bytes go. */
type Page = { readonly at: number; readonly into: Buffer };

/** Cut where the pages of the file are: what fails there is one of those. */
const pagesOf = (into: Buffer, position: number): readonly Page[] => {
  const pages: Page[] = [];
  for (let done = 0; done < into.length;) {
    const at = position + done;
    const page = into.subarray(done, done + pageBytes - (at % pageBytes));
    pages.push({ at, into: page });
    done += page.length;
  }
  return pages;
};

/** One that is all there is to read has none beside it that could come: a byte of the page in front of it does as well. */
const withNeighbour = (pages: readonly Page[]): readonly Page[] => {
  const [only, second] = pages;
  if (only === undefined || second !== undefined || only.at < pageBytes) return pages;
  return [{ at: only.at - pageBytes, into: Buffer.alloc(1) }, only];
};

/** Each of these pages by itself: which were refused, and how far in the file the last one goes. */
const tryPages = async ({ file }: Source, pages: readonly Page[]) => {
  const refused: Page[] = [];
  let error: unknown = null;
  let end = 0;
  for (const page of pages) {
    const { at, into } = page;
    try {
      const got = await file.read(into, at);
      if (got > 0) end = at + got;
    } catch (cause) {
      into.fill(0);
      error = cause;
      refused.push(page);
      end = at + into.length;
    }
  }
  return { refused, error, end };
};

/**
 * What is refused again after others came, and after the disk was proved to work, is a bad sector. All of it refused is none: a
 * later try may find the disk in better health.
 */
const readPages = async (source: Source, into: Buffer, position: number): Promise<number> => {
  const all = withNeighbour(pagesOf(into, position));
  let pages = all;
  let end = position;
  for (;;) {
    const tried = await tryPages(source, pages);
    const { refused, error } = tried;
    end = Math.max(end, tried.end);
    if (refused.length === 0) return end - position;
    if (refused.length === all.length) throw error;
    if (refused.length === pages.length) {
      source.refusal = { end: tried.end, error };
      return end - position;
    }
    await source.prove?.();
    pages = refused;
  }
};

/** A disk that fails for a moment must not cost what it holds. */
const readPatiently = async (reader: SegmentReader, into: Buffer, position: number): Promise<number> => {
  if (reader.patience === 0) return readLeniently(reader, into, position);
  try {
    return await reader.file.read(into, position);
  } catch (error) {
    reader.patience -= 1;
    throw error;
  }
};

/** A fresh buffer for each step: the bodies of the frames before are parts of the old one. */
export const fillWindow = async (reader: SegmentReader): Promise<void> => {
  const kept = reader.window.subarray(reader.searchAt - reader.windowAt);
  const left = reader.fileBytes - reader.searchAt;
  const size = Math.min(left, Math.max(chunkBytes, reader.wanted));
  const window = Buffer.allocUnsafeSlow(size);
  kept.copy(window);
  const position = reader.searchAt + kept.length;
  const got = await readPatiently(reader, window.subarray(kept.length), position);
  reader.window = window.subarray(0, kept.length + got);
  reader.windowAt = reader.searchAt;
  // Shorter than it was: nothing more to hope for.
  if (reader.window.length < size) reader.fileBytes = reader.windowAt + reader.window.length;
};

/** At the end of the last segment: what the system refuses behind the last good frame may be more than a torn one. */
export const throwIfKeptBack = ({ refusal, expectedAt }: SegmentReader): void => {
  if (refusal !== undefined && refusal.end > expectedAt) throw refusal.error;
};

/**
 * Goes to the end: the index behind the last good frame, and the bytes behind that. Rejects when the disk refuses a part of
 * those: nobody can say then that no frame is there, and what is taken for a torn end is written again.
 */
export const findSegmentEnd = async (
  reader: SegmentReader,
): Promise<{ readonly nextIndex: number; readonly torn: FileRange | null }> => {
  for (;;) {
    const step = peekFrame(reader);
    if (step.kind === "frame") acceptFrame(reader, step);
    else if (step.kind === "more") await fillWindow(reader);
    else {
      throwIfKeptBack(reader);
      return { nextIndex: reader.index, torn: step.damage };
    }
  }
};

import { randomInt } from "node:crypto";
import { join } from "node:path";
import type { JournalEntry } from "../../core/entry.ts";
import { frameBytesAtMost, settledFrameBytes, writeFrame } from "../../core/frame.ts";
import { segmentFileName, segmentHeaderBytes, writeSegmentHeader } from "../../core/segment.ts";
import type { Segment } from "./catalogue.ts";
import { cipherOf, newEncryption } from "./segment-key.ts";
import { isSyncWanted, tailEntry, trimTail, type Active, type State } from "./state.ts";

/** A mark for every so many frames bounds what a reader that falls behind must pass. */
const framesPerMark = 1024;
/** Milliseconds that a segment is written to at least, if it is not full before. */
const shortestLifeMs = 3_600_000;

/** A new file each time: one that has failed is never trusted again. */
export const beginSegment = async (state: State): Promise<Active> => {
  const { options, catalogue } = state;
  const number = catalogue.nextNumber;
  catalogue.nextNumber += 1;
  state.step = "write";
  const header = {
    salt: randomInt(2 ** 32),
    first: state.written,
    createdAt: options.clock(),
    encryption: newEncryption(options.keys),
  };
  const name = segmentFileName(number);
  const path = join(options.directory, name);
  const file = await options.files.create(path);
  const segment: Segment = {
    ...header,
    cipher: cipherOf(header, options.keys) ?? null,
    number,
    name,
    path,
    bytes: 0,
    marks: [],
    keep: false,
  };
  const active = { segment, file, named: false };
  state.active = active;
  catalogue.held.push(segment);
  const bytes = Buffer.alloc(segmentHeaderBytes);
  writeSegmentHeader(bytes, header);
  await file.write(bytes, 0);
  countWritten(state, segment, bytes.length);
  return active;
};

const countWritten = ({ catalogue }: State, segment: Segment, bytes: number): void => {
  segment.bytes += bytes;
  catalogue.heldBytes += bytes;
};

type Batch = { readonly bytes: Buffer; readonly end: number };

const markFrame = (segment: Segment, index: number, at: number): void => {
  if (index % framesPerMark === 0) segment.marks.push({ at, index });
};

/** Full, or so old that what was written whole would never go where little is written. */
const isFull = (
  { options }: State,
  { createdAt }: Segment,
  then: { index: number; bytes: number },
): boolean => {
  const { segmentBytes, retentionRecords, retentionMs, clock } = options;
  if (then.index === 0) return false;
  if (then.index >= retentionRecords / 4 || then.bytes > segmentBytes) return true;
  return clock() - createdAt > Math.max(retentionMs, shortestLifeMs);
};

/**
 * Kafka has it, and nobody waits for the disk to have it too. None that was written whole before it can come again after a
 * kill: else the older one would be published behind the newer.
 */
const isStampEnough = (state: State, { outcome }: JournalEntry): boolean =>
  outcome.isSettled && !isSyncWanted(state) && state.lastWhole < state.cursor.durable;

/** As many unwritten callbacks as the slab and the segment hold; none when the segment is full. */
const encodeBatch = (state: State, { segment }: Active, goal: number): Batch => {
  const until = isSyncWanted(state) ? state.next : goal;
  let bytes = state.slab;
  let used = 0;
  let end = state.written;
  while (end < until) {
    const entry = tailEntry(state, end);
    if (entry === undefined) break;
    const isSettled = isStampEnough(state, entry);
    const size = isSettled ? settledFrameBytes : frameBytesAtMost(entry.arrival);
    const index = end - segment.first;
    if (isFull(state, segment, { index, bytes: segment.bytes + used + size })) break;
    if (used + size > bytes.length) {
      if (used > 0) break;
      bytes = Buffer.allocUnsafeSlow(size);
    }
    markFrame(segment, index, segment.bytes + used);
    used = writeFrame(bytes, used, { arrival: entry.arrival, isSettled, index, ...segment });
    if (!isSettled) state.lastWhole = end;
    end += 1;
  }
  return { bytes: bytes.subarray(0, used), end };
};

const settleWritten = (state: State, end: number): void => {
  for (; state.written < end; state.written += 1) {
    const entry = tailEntry(state, state.written);
    if (entry !== undefined) state.unwrittenBytes -= frameBytesAtMost(entry.arrival);
  }
};

/** A sync is wanted, and of all that there is these bytes alone need it: one call to the system does both. */
const mayWriteThrough = (state: State, { named }: Active, end: number): boolean =>
  named && isSyncWanted(state) && state.synced === state.written && end === state.next;

/** Writes a part of what is unwritten before `goal`; of what is behind it too where somebody waits. */
export const writeBatch = async (state: State, goal: number): Promise<void> => {
  if (state.fault !== null) throw state.fault;
  const active = state.active ?? (await beginSegment(state));
  const { bytes, end } = encodeBatch(state, active, goal);
  if (end === state.written) {
    // Before anything goes to the next segment: what was stored there must not stand behind a hole here.
    await syncActive(state);
    state.active = null;
    await active.file.close();
    return;
  }
  state.step = "write";
  const { file, segment } = active;
  const started = performance.now();
  const through = mayWriteThrough(state, active, end);
  await (through ? file.writeThrough(bytes, segment.bytes) : file.write(bytes, segment.bytes));
  countWritten(state, segment, bytes.length);
  settleWritten(state, end);
  if (through) settleSynced(state, started);
  trimTail(state);
};

const answerWaiters = (state: State): void => {
  const { waiters } = state;
  state.waiters = waiters.filter(({ sequence }) => sequence >= state.synced);
  for (const { sequence, resolve } of waiters) {
    if (sequence < state.synced) resolve({ ok: true, value: undefined });
  }
};

/** All that is written survives a power cut. `started`: when the call for it began, by `performance.now()`. */
const settleSynced = (state: State, started: number): void => {
  // The folder is another one meanwhile: no later start would find the file.
  if (state.fault !== null) throw state.fault;
  state.options.on.synced((performance.now() - started) / 1000);
  state.synced = state.written;
  answerWaiters(state);
};

/** Everything written so far survives a power cut from here on: bytes, length and name of the file. */
export const syncActive = async (state: State): Promise<void> => {
  const { active, options } = state;
  if (active === null) return;
  state.step = "sync";
  const started = performance.now();
  await active.file.sync();
  if (!active.named) {
    await options.files.syncDirectory(options.directory);
    active.named = true;
  }
  settleSynced(state, started);
  trimTail(state);
};

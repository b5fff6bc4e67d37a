import assert from "node:assert/strict";
import { readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { segmentHeaderBytes } from "../../src/core/segment.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { batchLimit } from "../../src/relay/context.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { openOrFail } from "../support/journals.ts";
import { createMemorySink } from "../support/memorySink.ts";
import { beginRelay, bodyOf, keep, memoryJournal, topicOf } from "../support/relays.ts";

const finished = topicOf("finished");
const missing = 200;

/** A journal whose first callbacks make one whole batch, and of which all others are known to be missing. */
const openWithHole = async (t: TestContext) => {
  const directory = await newDirectory(t);
  let serial = 0;
  for (const count of [batchLimit.entries, missing, 1]) {
    const { journal } = await openOrFail({ directory, files: realFiles });
    for (const end = serial + count; serial < end; serial += 1)
      keep(journal, bodyOf("finished", "e", serial));
    await journal[Symbol.asyncDispose]();
  }
  const [, second = "", third = ""] = (await readdir(directory))
    .filter((name) => name.endsWith(".journal"))
    .toSorted();
  await rm(join(directory, second));
  await truncate(join(directory, third), segmentHeaderBytes);
  const { journal, told } = await openOrFail({ directory, files: realFiles });
  t.after(() => journal[Symbol.asyncDispose]());
  assert.equal(journal.status().pendingRecords, batchLimit.entries + missing);
  return { journal, told };
};

test("P3: what is tried again does not wait for callbacks that are missing from the journal", async (t) => {
  const { journal, told } = await openWithHole(t);
  const sink = createMemorySink({ partitions: 1 });
  sink.failWith(() => "broker-unavailable");
  const { stop } = beginRelay({ journal, sink });
  await eventually(() => sink.calls.length > 3);
  sink.failWith(() => undefined);
  await eventually(() => journal.status().pendingRecords === 0);
  assert.equal(sink.records(finished).length, batchLimit.entries);
  assert.equal(told.missing, missing);
  keep(journal, bodyOf("finished", "e", 1_000_000));
  await eventually(() => sink.records(finished).length === batchLimit.entries + 1);
  await stop();
});

test("P10: a parked topic goes on when the rest of what waits for it is missing", async (t) => {
  const { journal: lane } = await openWithHole(t);
  const journal = memoryJournal();
  const sink = createMemorySink({ partitions: 1 });
  const openLaneJournal = () => Promise.resolve(lane);
  const { lines, stop } = beginRelay({ journal, sink, openLaneJournal, parkedTopics: [finished] });
  await eventually(() => sink.records(finished).length === batchLimit.entries);
  keep(journal, bodyOf("finished", "e", 1_000_000));
  await eventually(() => lines.includes(`opened ${finished}`));
  await eventually(() => sink.records(finished).length === batchLimit.entries + 1);
  await stop();
});

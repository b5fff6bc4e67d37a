import assert from "node:assert/strict";
import { mkdir, readdir, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { pino } from "pino";
import { type Environment, loadConfig } from "../src/config.ts";
import type { Arrival, Journal } from "../src/core/journal.ts";
import { segmentFileName, segmentHeaderBytes, writeSegmentHeader } from "../src/core/segment.ts";
import { codeOf } from "../src/io/journal/files.ts";
import { openJournals } from "../src/journals.ts";
import { createTelemetry } from "../src/telemetry.ts";
import { newDirectory } from "./support/directories.ts";
import { eventually } from "./support/eventually.ts";
import { arrivalOf, mustAppend } from "./support/journals.ts";
import { createMemorySink } from "./support/memorySink.ts";
import { beginRelay, bodyOf, toArrival } from "./support/relays.ts";

const finished = "esign.envelope.finished";

/** The journals of a bridge with these settings, and what it logs. */
const open = async (directory: string, env: Environment = {}) => {
  const loaded = loadConfig({
    AUTH: "none",
    KAFKA_BROKERS: "127.0.0.1:1",
    SCHEMA_REGISTRY_URL: "http://127.0.0.1:1",
    JOURNAL_DIR: directory,
    ...env,
  });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const telemetry = createTelemetry(log, "0", Date.now);
  const opened = await openJournals(loaded.config, telemetry);
  return { opened, lines };
};

const mustOpen = async (directory: string, env?: Environment) => {
  const { opened, lines } = await open(directory, env);
  assert.ok(opened.ok, JSON.stringify(opened));
  return { journals: opened.value, lines };
};

test("P6, P8: a parked journal that cannot be opened at start is told of, tried again, and opened when it can be", async (t) => {
  const directory = await newDirectory(t);
  await mkdir(join(directory, "parked"));
  // A file in the place of the directory.
  await writeFile(join(directory, "parked", finished), "");
  const { journals, lines } = await mustOpen(directory);
  t.after(() => journals[Symbol.asyncDispose]());
  assert.deepEqual(journals.parkedTopics, [finished]);
  assert.equal(await journals.openLane(finished), null);
  assert.equal(lines.length, 1, "once in ten seconds");
  assert.match(lines[0] ?? "", /"level":50.*"topic":"esign.envelope.finished"/);
  await unlink(join(directory, "parked", finished));
  const lane = await journals.openLane(finished);
  assert.ok(lane !== null);
  assert.ok((await lane.stored(mustAppend(lane, arrivalOf(1)))).ok);
});

test("P3: what is parked in a format of a newer version ends the start, as in the main journal", async (t) => {
  const directory = await newDirectory(t);
  await mkdir(join(directory, "parked", finished), { recursive: true });
  const head = Buffer.alloc(segmentHeaderBytes);
  writeSegmentHeader(head, { salt: 1, first: 1, createdAt: 1, encryption: null });
  head.writeUInt16BE(77, 8);
  head.writeUInt32BE(crc32(head.subarray(0, 32)), 32);
  await writeFile(join(directory, "parked", finished, segmentFileName(1)), head);
  const { opened } = await open(directory);
  assert.equal(opened.ok ? "opened" : opened.code, "journal-version-unknown");
  const again = await open(directory);
  assert.equal(
    again.opened.ok ? "opened" : again.opened.code,
    "journal-version-unknown",
    "and lets go of its locks",
  );
});

/** Bytes; a segment may be dropped after it was listed. */
const sizeOf = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return 0;
  }
};

const onDisk = async (directory: string): Promise<number> => {
  const names = await readdir(directory, { recursive: true });
  const sizes = names
    .filter((name) => name.endsWith(".journal"))
    .map((name) => sizeOf(join(directory, name)));
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
};

const filledUp = async (journal: Journal, arrivalOfNext: (serial: number) => Arrival): Promise<number> => {
  let kept = 0;
  for (;;) {
    const appended = journal.append(arrivalOfNext(kept));
    if (!appended.ok) return kept;
    kept += 1;
    if (kept % 200 === 0) await journal.stored(appended.value);
  }
};

const mebibyte = 1024 * 1024;

for (const [where, parked] of [
  ["on disk", null],
  ["in memory", "none"],
] as const) {
  test(`P9: journals ${where} share one limit, whatever is parked`, async (t) => {
    const directory = await newDirectory(t);
    const { journals } = await mustOpen(parked ?? directory, { JOURNAL_MAX_BYTES: "4 MiB" });
    t.after(() => journals[Symbol.asyncDispose]());
    for (const topic of ["esign.a", "esign.b", "esign.c"]) {
      const lane = await journals.openLane(topic);
      assert.ok(lane !== null);
      await filledUp(lane, (serial) => arrivalOf(serial, 2000));
    }
    assert.ok((await filledUp(journals.main, (serial) => arrivalOf(serial, 2000))) === 0, "no room is left");
    const { bytes } = journals.status();
    assert.ok(bytes > 3 * mebibyte && bytes <= 4 * mebibyte + 3 * segmentHeaderBytes, `${bytes} bytes`);
    assert.ok((await onDisk(directory)) <= 4 * mebibyte + 3 * segmentHeaderBytes);
  });
}

test("P9, P10: a full journal still parks a topic that fails, delivers all others, and goes on taking callbacks", async (t) => {
  const directory = await newDirectory(t);
  const { journals } = await mustOpen(directory, { JOURNAL_MAX_BYTES: "32 MiB" });
  t.after(() => journals[Symbol.asyncDispose]());
  const kinds = ["finished", "started"] as const;
  const spaces = Buffer.alloc(5000, " ");
  const arrival = (serial: number) =>
    toArrival(Buffer.concat([bodyOf(kinds[serial % 2 === 0 ? 0 : 1], `e-${serial}`, serial), spaces]));
  const kept = await filledUp(journals.main, arrival);
  const sink = createMemorySink();
  sink.failWith(({ topic }) => (topic === finished ? "topic-missing" : undefined));
  const { stop, lines } = beginRelay({ journal: journals.main, sink, openLaneJournal: journals.openLane });
  await eventually(() => journals.main.status().pendingRecords === 0);
  assert.equal(sink.records("esign.envelope.started").length, Math.floor(kept / 2));
  assert.deepEqual(lines, [`parked ${finished}`]);
  await eventually(() => journals.main.append(arrival(kept)).ok);
  assert.ok((await onDisk(directory)) <= 32 * mebibyte);
  sink.failWith(() => undefined);
  await eventually(() => sink.records(finished).length >= Math.ceil(kept / 2));
  await stop();
});

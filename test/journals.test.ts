import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import { type Environment, loadConfig } from "../src/config.ts";
import { segmentFileName, segmentHeaderBytes, writeSegmentHeader } from "../src/core/segment.ts";
import { openJournals } from "../src/journals.ts";
import { createTelemetry } from "../src/telemetry.ts";
import { arrivalOf, mustAppend } from "./support/journals.ts";
import { crc32 } from "node:zlib";

const finished = "esign.envelope.finished";

const newDirectory = async (t: TestContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "journals-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
};

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
  writeSegmentHeader(head, { salt: 1, first: 1, createdAt: 1 });
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

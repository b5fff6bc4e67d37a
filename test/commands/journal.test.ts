import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runMain, jsonLines, runJournal } from "../support/commands.ts";
import { fillJournal, finishedArrival, newDirectory, snapshot } from "../support/directories.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const finished = (count: number) => numbers(count).map(finishedArrival);

const notJson = (): ReturnType<typeof finishedArrival> => {
  const body = Buffer.from("accessCode=secret-0");
  return { ...finishedArrival(99), eventId: "ab".repeat(16), body };
};

test("status counts what waits by topic, main and parked lanes together, and changes nothing", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, [...finished(5), notJson()], { released: 2 });
  await fillJournal(join(directory, "parked", "esign.envelope.finished"), finished(2));
  const before = await snapshot(directory);
  const ran = await runJournal("status", "--dir", directory, "--json");
  assert.equal(ran.code, 0, ran.err);
  const [status] = jsonLines(ran);
  assert.ok(status !== undefined);
  assert.equal(status["pendingRecords"], 6);
  assert.equal(status["oldestPendingAt"], new Date(1_700_000_001_000).toISOString());
  assert.deepEqual(status["bridge"], { running: false, pid: null });
  assert.deepEqual(status["parkedLanes"], [{ topic: "esign.envelope.finished", records: 2 }]);
  assert.deepEqual(status["topics"], [
    {
      topic: "esign.envelope.finished",
      pending: 5,
      parked: 2,
      oldestPendingAt: new Date(1_700_000_001_000).toISOString(),
    },
    {
      topic: "esign.dead-letter",
      pending: 1,
      parked: 0,
      oldestPendingAt: new Date(1_700_000_099_000).toISOString(),
    },
  ]);
  const spoken = await runJournal("status", "--dir", directory);
  assert.match(spoken.out, /pending {2}6 records, the oldest \d+ d \d+ h old/);
  for (const command of ["list", "verify", "export"]) {
    assert.equal((await runJournal(command, "--dir", directory)).code, 0);
  }
  assert.deepEqual(await snapshot(directory), before);
});

test("the journal's directory and the topics' prefix come from the environment, and nothing else is needed", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, finished(1));
  const ran = await runMain(["journal", "list", "--json"], { JOURNAL_DIR: directory, TOPIC_PREFIX: "team." });
  assert.deepEqual(
    jsonLines(ran).map(({ topic }) => topic),
    ["team.envelope.finished"],
  );
});

test("P5: list shows place, time, id, topic, key, source and size of what waits, and no name, code or body", async (t) => {
  const directory = await newDirectory(t);
  const arrivals = finished(4);
  await fillJournal(directory, [...arrivals, notJson()], { released: 1 });
  const ran = await runJournal("list", "--dir", directory, "--json");
  assert.deepEqual(
    jsonLines(ran).map(({ place }) => place),
    ["main:2", "main:3", "main:4", "main:5"],
  );
  assert.deepEqual(jsonLines(ran)[0], {
    place: "main:2",
    journal: "main",
    sequence: 2,
    receivedAt: new Date(1_700_000_002_000).toISOString(),
    eventId: arrivals[1]?.eventId,
    topic: "esign.envelope.finished",
    key: "envelope-2",
    source: "app",
    bytes: arrivals[1]?.body.length,
  });
  const spoken = await runJournal("list", "--dir", directory);
  assert.equal(spoken.out.trimEnd().split("\n").length, 5);
  for (const text of [ran.out, spoken.out]) assert.doesNotMatch(text, /Nguyen|example\.com|secret/);
  const few = await runJournal("list", "--dir", directory, "--json", "--limit", "2");
  assert.equal(jsonLines(few).length, 2);
  const letters = await runJournal("list", "--dir", directory, "--json", "--topic", "esign.dead-letter");
  assert.deepEqual(
    jsonLines(letters).map(({ place }) => place),
    ["main:5"],
  );
});

test("P5: what a key holds cannot steer the terminal", async (t) => {
  const directory = await newDirectory(t);
  const body = Buffer.from(
    JSON.stringify({ event: "ENVELOPE_FINISH", eventPayload: { envelopeId: "a\u001b[2J\nb" } }),
  );
  await fillJournal(directory, [{ ...finishedArrival(1), body }]);
  const { out } = await runJournal("list", "--dir", directory);
  assert.match(out, /a\?\[2J\?b/);
  assert.equal(out.includes("\u001b"), false);
});

test("P5: export masks by default, and gives the bytes as they came only for --raw, with a warning", async (t) => {
  const directory = await newDirectory(t);
  const arrivals = finished(3);
  await fillJournal(directory, [...arrivals, notJson()], { released: 1 });
  const masked = await runJournal("export", "--dir", directory);
  assert.equal(masked.code, 0);
  assert.doesNotMatch(masked.out, /secret/);
  assert.deepEqual(
    jsonLines(masked).map(({ sequence, state, body }) => [sequence, state, typeof body]),
    [
      [2, "pending", "string"],
      [3, "pending", "string"],
      [4, "pending", "object"],
    ],
  );
  const raw = await runJournal("export", "--dir", directory, "--raw", "--all");
  assert.match(raw.err, /access codes/);
  const bodies = jsonLines(raw).map(({ bodyBase64 }) => Buffer.from(String(bodyBase64), "base64"));
  assert.deepEqual(bodies, [...arrivals.map(({ body }) => body), notJson().body]);
  assert.deepEqual(
    jsonLines(raw).map(({ state }) => state),
    ["settled", "pending", "pending", "pending"],
  );
});

test("export writes into a new file that only its owner reads, and overwrites none", async (t) => {
  const directory = await newDirectory(t);
  const file = join(await newDirectory(t), "out.jsonl");
  await fillJournal(directory, finished(3));
  const ran = await runJournal("export", "--dir", directory, "--out", file);
  assert.equal(ran.code, 0, ran.err);
  assert.equal(ran.out, "");
  const content = await readFile(file, "utf8");
  assert.equal(content.trimEnd().split("\n").length, 3);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const again = await runJournal("export", "--dir", directory, "--out", file);
  assert.equal(again.code, 1);
  assert.match(again.err, /never overwritten/);
  assert.equal(await readFile(file, "utf8"), content);
});

test("an empty directory is an empty journal, a missing one is an error that says what to set", async (t) => {
  const directory = await newDirectory(t);
  for (const command of ["status", "list", "verify", "export"]) {
    const empty = await runJournal(command, "--dir", directory);
    assert.equal(empty.code, 0, `${command}: ${empty.err}`);
    const missing = await runJournal(command, "--dir", join(directory, "gone"));
    assert.equal(missing.code, 1);
    assert.match(missing.err, /there is no .*gone: set JOURNAL_DIR or --dir/);
  }
  assert.deepEqual(await readdir(directory), [], "looking makes nothing");
});

test("wrong arguments get a reason, an example and exit code 2, and never start a bridge", async (t) => {
  const directory = await newDirectory(t);
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["jornal", "status"], /no command "jornal"/],
    [["journal", "statu"], /no journal "statu"/],
    [["journal", "status", "--limit", "3"], /Unknown option '--limit'/],
    [["journal", "list", "--limit", "0"], /whole number from 1/],
    [["journal", "list", "--limit", "many"], /whole number from 1/],
    [["journal", "list", "--topic", "finished"], /one of esign\.envelope\.started/],
    [["journal", "list", "extra"], /one argument too many/],
    [["journal", "skip", "--out", "x"], /needs one record/],
    [["journal", "skip", "12", "--out", "x"], /neither a place .* nor an event id/],
    [["journal", "skip", "main:1"], /needs --out/],
    [["journal", "status", "--dir", "none"], /in the memory/],
  ];
  for (const [args, reason] of wrong) {
    const ran = await runMain(args, { JOURNAL_DIR: directory });
    assert.equal(ran.code, 2, args.join(" "));
    assert.match(ran.err, reason);
    assert.match(ran.err, /for example: node src\/main\.ts journal/);
    assert.equal(ran.out, "");
  }
  for (const args of [["journal"], ["journal", "help"], ["journal", "list", "--help"], ["help"]]) {
    const ran = await runMain(args);
    assert.equal(ran.code, 0);
    assert.match(ran.out, /Exit codes: 0 done/);
  }
});

test("a reader that stops listening ends the command without a word", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, finished(2000));
  const child = spawn(process.execPath, ["src/main.ts", "journal", "export", "--dir", directory], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (piece) => (errors += String(piece)));
  const closed = once(child, "close");
  await once(child.stdout, "data");
  child.stdout.destroy();
  await closed;
  assert.equal(child.exitCode, 0);
  assert.equal(errors, "");
});

test("a copy of a journal can be looked at like the journal itself", async (t) => {
  const directory = await newDirectory(t);
  const copy = await newDirectory(t);
  await fillJournal(directory, finished(3));
  await mkdir(join(directory, "damaged"));
  await writeFile(join(directory, "damaged", "some.bytes"), "x");
  await cp(directory, copy, { recursive: true });
  const [status] = jsonLines(await runJournal("status", "--dir", copy, "--json"));
  assert.equal(status?.["pendingRecords"], 3);
  assert.equal(status?.["damagedFiles"], 1);
});

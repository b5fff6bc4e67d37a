import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { jsonLines, runJournal, runMain } from "../support/commands.ts";
import { fillJournal, finishedArrival, newDirectory, snapshot } from "../support/directories.ts";
import { keyLine, keysOf, oneKey } from "../support/journalKeys.ts";

const id = oneKey[0]?.id ?? "";

/** One segment in the clear, then one that is encrypted, then one under a newer key. */
const mixed = async (t: TestContext) => {
  const directory = await newDirectory(t);
  const files = await newDirectory(t);
  await fillJournal(directory, [finishedArrival(1)]);
  await fillJournal(directory, [finishedArrival(2)], { keys: oneKey });
  await fillJournal(directory, [finishedArrival(3)], { keys: keysOf(keyLine("second"), keyLine("first")) });
  const keyFile = join(files, "keys");
  await writeFile(keyFile, `${keyLine("second")}\n${keyLine("first")}\n`);
  return { directory, files, keyFile };
};

const idsIn = (lines: readonly Readonly<Record<string, unknown>>[]) => lines.map(({ eventId }) => eventId);
const ids = [1, 2, 3].map((number) => finishedArrival(number).eventId);

test("with its keys every command reads an encrypted journal, from the option or the environment", async (t) => {
  const { directory, keyFile, files } = await mixed(t);
  const place = ["--dir", directory, "--key-file", keyFile, "--json"];
  assert.deepEqual(idsIn(jsonLines(await runJournal("list", ...place))), ids);
  const env = { JOURNAL_DIR: directory, JOURNAL_KEY_FILE: keyFile };
  const exported = jsonLines(await runMain(["journal", "export", "--json"], env));
  assert.deepEqual(idsIn(exported), ids);
  assert.match(String(exported[1]?.["body"]), /envelope-2/);
  assert.equal((await runJournal("verify", ...place)).code, 0);
  const [status] = jsonLines(await runJournal("status", ...place));
  assert.equal(status?.["pendingRecords"], 3);
  assert.deepEqual(status?.["keys"], [
    { id: null, name: null, segments: 1 },
    { id, name: "first", segments: 1 },
    { id: keysOf(keyLine("second"))[0]?.id, name: "second", segments: 1 },
  ]);
  const out = join(files, "skipped");
  const skipped = await runJournal("skip", "main:2", ...place, "--out", out);
  assert.equal(skipped.code, 0, skipped.err);
  const [record] = jsonLines({ ...skipped, out: await readFile(out, "utf8") });
  assert.deepEqual(Buffer.from(String(record?.["bodyBase64"]), "base64"), finishedArrival(2).body);
});

test("P8: without a key the commands say which is missing, show the rest, and call nothing damaged", async (t) => {
  const { directory } = await mixed(t);
  const before = await snapshot(directory);
  const listed = await runJournal("list", "--dir", directory, "--json");
  assert.equal(listed.code, 1);
  assert.deepEqual(idsIn(jsonLines(listed)), ids.slice(0, 1));
  assert.match(listed.err, new RegExp(`0002\\.journal is encrypted with the key whose id is ${id}`));
  const verified = await runJournal("verify", "--dir", directory);
  assert.equal(verified.code, 1);
  assert.match(verified.out, /means: Nothing is damaged/);
  assert.ok(!/missing|cannot be read \(/.test(verified.out), verified.out);
  const text = (await runJournal("status", "--dir", directory)).out;
  assert.match(text, new RegExp(`1 segment by a key that is not given \\(${id}\\)`));
  assert.deepEqual(await snapshot(directory), before);
});

test("P5: a key file that cannot be used is told of, and nothing of it is shown", async (t) => {
  const { directory, files } = await mixed(t);
  const absent = await runJournal("status", "--dir", directory, "--key-file", join(files, "none"));
  assert.equal(absent.code, 1);
  assert.match(absent.err, /key file cannot be read: .*none: ENOENT/);
  await writeFile(join(files, "bad"), "first:c2VjcmV0LXNlY3JldA==\n");
  const bad = await runJournal("status", "--dir", directory, "--key-file", join(files, "bad"));
  assert.equal(bad.code, 1);
  assert.match(bad.err, /bad is wrong in entry 1, which is no key of 32 bytes in Base64/);
  assert.ok(!bad.err.includes("c2VjcmV0"));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonLines, runJournal } from "../support/commands.ts";
import { fillJournal, finishedArrival, newDirectory } from "../support/directories.ts";

test("P5: what Kafka had before the disk is sound, waits for nobody, and has no body to be exported", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, [1, 2, 3, 4].map(finishedArrival), { settled: 2, released: 1 });
  const [status] = jsonLines(await runJournal("status", "--dir", directory, "--json"));
  assert.equal(status?.["pendingRecords"], 2);
  for (const all of [[], ["--all"]]) {
    const exported = jsonLines(await runJournal("export", "--dir", directory, ...all));
    assert.deepEqual(
      exported.map(({ place }) => place),
      ["main:3", "main:4"],
    );
  }
  const skipped = await runJournal("skip", "main:2", "--dir", directory, "--out", `${directory}/none`);
  assert.match(skipped.err, /main:2 does not wait for Kafka/);
  const verified = await runJournal("verify", "--dir", directory);
  assert.equal(verified.code, 0, verified.out);
  assert.match(verified.out, /main +1 +[\d.]+ KiB +4 +2 +0 +2 /);
});

import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fillJournal, finishedArrival, newDirectory } from "../support/directories.ts";

test("P5: the journal's folders and files are for their owner alone, whatever the process allows new files", async (t) => {
  const before = process.umask(0);
  t.after(() => process.umask(before));
  const directory = join(await newDirectory(t), "journal");
  await fillJournal(directory, [finishedArrival(1), finishedArrival(2)], { released: 1 });
  const names = await readdir(directory, { recursive: true });
  assert.ok(names.some((name) => name.endsWith(".journal")));
  for (const name of ["", ...names]) {
    const found = await stat(join(directory, name));
    assert.equal((found.mode & 0o777).toString(8), found.isDirectory() ? "700" : "600", name);
  }
});

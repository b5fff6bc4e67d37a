import assert from "node:assert/strict";
import { constants } from "node:fs";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { segmentFileName } from "../../src/core/segment.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { eventually } from "../support/eventually.ts";
import { arrivalOf, bodiesOf, mustAppend, openOrFail, readAll } from "../support/journals.ts";
import { createModelFiles } from "../support/modelFiles.ts";

test("P1: what nobody waited for is not said to be stored by the sync of what comes behind it", async (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const model = createModelFiles(seed);
    const { journal } = await openOrFail({ files: model.files, directory: "journal" });
    t.after(() => journal[Symbol.asyncDispose]());
    const written = () => model.contents(`journal/${segmentFileName(1)}`)?.length ?? 0;
    assert.ok((await journal.stored(mustAppend(journal, arrivalOf(1)))).ok);
    const before = written();
    const unasked = mustAppend(journal, arrivalOf(2));
    await eventually(() => written() > before);
    assert.ok((await journal.stored(mustAppend(journal, arrivalOf(3)))).ok);
    assert.ok((await journal.stored(unasked)).ok);
    const { journal: next } = await openOrFail({
      files: model.restart("power").files,
      directory: "journal",
    });
    t.after(() => next[Symbol.asyncDispose]());
    assert.deepEqual(bodiesOf(await readAll(next)), ["1", "2", "3"]);
  }
});

const isLinux = process.platform === "linux";

test(
  "P1: Linux is asked to have on the disk what it says is written through",
  { skip: !isLinux },
  async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "journal-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const path = join(directory, "file");
    const file = await realFiles.create(path);
    const flags: number[] = [];
    for (const fd of await readdir("/proc/self/fd")) {
      // The one of the folder itself is closed by now.
      if ((await readlink(`/proc/self/fd/${fd}`).catch(() => null)) !== path) continue;
      const info = await readFile(`/proc/self/fdinfo/${fd}`, "utf8");
      flags.push(Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? "", 8) & constants.O_DSYNC);
    }
    assert.deepEqual(
      flags.toSorted((a, b) => a - b),
      [0, constants.O_DSYNC],
    );
    await file.write(Buffer.from("one "), 0);
    await file.writeThrough(Buffer.from("two"), 4);
    assert.equal(await file.size(), 7);
    await file.close();
    assert.equal(await readFile(path, "utf8"), "one two");
  },
);

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Files } from "../../src/io/journal/files.ts";
import { arrivalOf, mustAppend, openOrFail } from "../support/journals.ts";
import { createModelFiles, systemError } from "../support/modelFiles.ts";

// A journal whose directory is not at its path, for a moment or because another one is there now.

/** All that needs no timer. */
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 20; turns += 1) await turn();
};

test("P1, P8: a directory that is away for a moment, during a write that nobody waits for, is told, and callbacks are taken again within 2 s", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const model = createModelFiles();
  const disk = { isAway: false, write: Promise.withResolvers<void>(), isWriting: false };
  const files: Files = {
    ...model.files,
    create: async (path) => {
      const file = await model.files.create(path);
      const write: typeof file.write = async (bytes, position) => {
        disk.isWriting = true;
        await disk.write.promise;
        await file.write(bytes, position);
      };
      return { ...file, write };
    },
    lock: () => ({
      check: () => (disk.isAway ? Promise.reject(systemError("ESTALE", "stat")) : Promise.resolve()),
      release: () => undefined,
    }),
  };
  const { journal, told } = await openOrFail({ files });
  t.after(() => journal[Symbol.asyncDispose]());
  const tick = async (ms: number): Promise<void> => {
    t.mock.timers.tick(ms);
    await settle();
  };
  mustAppend(journal, arrivalOf(1));
  const [entry] = await journal.read({ entries: 1, bytes: 1e6 });
  entry?.settle({ event: "finished" });
  journal.release(1);
  await settle();
  for (let ms = 0; ms < 180; ms += 20) await tick(20);
  assert.ok(disk.isWriting);
  disk.isAway = true;
  await tick(20);
  disk.isAway = false;
  assert.ok(!journal.append(arrivalOf(2)).ok);
  disk.write.resolve();
  await settle();
  for (let ms = 0; ms < 2000 && !journal.append(arrivalOf(3)).ok; ms += 20) await tick(20);
  mustAppend(journal, arrivalOf(4));
  assert.deepEqual([told.failed, told.recovered], [["write ESTALE"], 1]);
});

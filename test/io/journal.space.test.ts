import assert from "node:assert/strict";
import { test } from "node:test";
import type { Files } from "../../src/io/journal/files.ts";
import { settle } from "../support/drive.ts";
import { eventually } from "../support/eventually.ts";
import { arrivalOf, mustAppend, openOrFail } from "../support/journals.ts";
import { createModelFiles } from "../support/modelFiles.ts";

test("P10: whoever asks for a sync just as the disk runs low on space is answered, also when all is released", async () => {
  const model = createModelFiles();
  let onSpace: (() => void) | null = null;
  let freeBytes = 1_000_000;
  const files: Files = {
    ...model.files,
    space: async () => {
      onSpace?.();
      return { freeBytes, totalBytes: 1_000_000 };
    },
  };
  const { journal } = await openOrFail({ files, minFreeBytes: 10_000 });
  const entry = mustAppend(journal, arrivalOf(1));
  await eventually(() => model.names().some((name) => name.endsWith(".journal")));
  await journal.read({ entries: 100, bytes: 1024 * 1024 });
  journal.release(1);
  const asked = Promise.withResolvers<string>();
  // Housekeeping looks at the space right before it closes the file that is being written.
  onSpace = () => {
    onSpace = null;
    freeBytes = 0;
    void journal.stored(entry).then((stored) => asked.resolve(stored.ok ? "stored" : stored.code));
  };
  let answer = "none";
  void asked.promise.then((got) => (answer = got));
  await eventually(() => answer === "stored");
  await journal[Symbol.asyncDispose]();
});

test("P7: the disk is looked at five times a second while a callback waits, once a second at rest, and at once for the first callback after a rest", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const model = createModelFiles();
  let looks = 0;
  const space = async () => {
    looks += 1;
    return { freeBytes: 1_000_000, totalBytes: 1_000_000 };
  };
  const { journal } = await openOrFail({ files: { ...model.files, space } });
  const looksInSecond = async (): Promise<number> => {
    const before = looks;
    for (let ms = 0; ms < 1000; ms += 200) {
      t.mock.timers.tick(200);
      await settle();
    }
    return looks - before;
  };
  assert.equal(await looksInSecond(), 1);
  const atRest = looks;
  mustAppend(journal, arrivalOf(1));
  await settle();
  assert.equal(looks, atRest + 1);
  assert.equal(await looksInSecond(), 5);
  await journal.read({ entries: 100, bytes: 1024 * 1024 });
  journal.release(1);
  await looksInSecond();
  assert.equal(await looksInSecond(), 1);
  await journal[Symbol.asyncDispose]();
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { arrivalOf, bodiesOf, mustAppend, openOrFail } from "../support/journals.ts";
import { createModelFiles } from "../support/modelFiles.ts";

const numbers = [1, 2, 3, 4, 5];
const batch = { entries: 100, bytes: 1_000_000 };

test("P1: a disk that cannot be read for a moment costs no callback and counts as no damage", async (t) => {
  let model = createModelFiles();
  const { journal } = await openOrFail({ files: model.files });
  t.after(() => journal[Symbol.asyncDispose]());
  const entries = numbers.map((number) => mustAppend(journal, arrivalOf(number)));
  await Promise.all(entries.map((entry) => journal.stored(entry)));
  model = model.restart("kill");

  const { journal: next, told } = await openOrFail({ files: model.files });
  t.after(() => next[Symbol.asyncDispose]());
  let failing = 3;
  model.fault = (operation) => (operation === "read" && failing-- > 0 ? "EIO" : null);
  assert.deepEqual(bodiesOf(await next.read(batch)), numbers.map(String));
  assert.deepEqual(told.damaged, []);
  assert.equal(told.missing, 0);
  assert.deepEqual(
    told.failed,
    Array.from({ length: 3 }, () => "read EIO"),
  );
});

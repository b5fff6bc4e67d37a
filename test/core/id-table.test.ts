import assert from "node:assert/strict";
import { test } from "node:test";
import { createIdTable } from "../../src/core/id-table.ts";
import { eventIdOf } from "../../src/core/record.ts";

const idOf = (number: number): string => eventIdOf(Buffer.from(String(number)));

test("P7: as many ids as it was made for keep their numbers, and no other has one", () => {
  const table = createIdTable(1000);
  for (let i = 1; i <= 1000; i += 1) table.set(idOf(i), i);
  for (let i = 1; i <= 1000; i += 1) assert.equal(table.get(idOf(i)), i);
  for (let i = 1001; i <= 5000; i += 1) assert.equal(table.get(idOf(i)), 0);
});

test("P7: a number that is set anew takes the place of the one before", () => {
  const table = createIdTable(10);
  for (const value of [-1, 1_790_000_000_000]) table.set(idOf(1), value);
  assert.equal(table.get(idOf(1)), 1_790_000_000_000);
  assert.equal(table.size(), 1);
});

test("P7: ids are told apart that are equal in all but one of their first 128 bits", () => {
  const table = createIdTable(200);
  const ids = ["0".repeat(64)];
  for (let digit = 0; digit < 32; digit += 1) ids.push(`${"0".repeat(digit)}8${"0".repeat(63 - digit)}`);
  for (const [index, id] of ids.entries()) table.set(id, index + 1);
  for (const [index, id] of ids.entries()) assert.equal(table.get(id), index + 1);
  assert.equal(table.size(), ids.length);
});

test("P7: what is no id is told, and is not taken for another", () => {
  const table = createIdTable(10);
  table.set(idOf(1), 1);
  assert.throws(() => table.get("no id"), /not 32 hex digits: no id/);
  // Begins as an id does.
  assert.throws(() => table.get("ffffno id"), /not 32 hex digits: ffffno id/);
  assert.equal(table.get(idOf(1)), 1);
});

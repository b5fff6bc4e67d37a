import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";
import * as fc from "fast-check";
import { parseJournalKeys } from "../../src/core/journal-keys.ts";
import { keyLine } from "../support/journalKeys.ts";

const wrongOf = (text: string): string => {
  const parsed = parseJournalKeys(text);
  return "wrong" in parsed ? parsed.wrong : "taken";
};

test("keys are read line by line, the first one first, each with the id that sha256sum gives", () => {
  const parsed = parseJournalKeys(`\n${keyLine("2027")}\r\n  ${keyLine("2026")}  \n\n`);
  assert.ok("value" in parsed);
  assert.deepEqual(
    parsed.value.map(({ name }) => name),
    ["2027", "2026"],
  );
  const bytes = Buffer.from(keyLine("2027").slice(5), "base64");
  assert.equal(parsed.value[0]?.id, createHash("sha256").update(bytes).digest("hex").slice(0, 16));
  assert.ok(!inspect(parsed.value, { depth: 9 }).includes(bytes.toString("base64").slice(0, 12)));
});

test("P5: a wrong key is named by its place, and nothing of it is shown", () => {
  const good = keyLine("a");
  assert.match(wrongOf(""), /is empty/);
  assert.match(wrongOf(`${good}\nno-colon`), /entry 2.*':'/);
  assert.match(wrongOf("a:c2hvcnQ="), /entry 1.*32 bytes/);
  assert.match(wrongOf(`${good}=`), /entry 1/);
  assert.match(wrongOf(`${good}\n${keyLine("a", "b")}`), /entries 1 and 2/);
  assert.match(wrongOf(`${good}\n${keyLine("b", "a")}`), /entries 1 and 2/);
  fc.assert(
    fc.property(fc.string({ minLength: 12 }), (noise) => {
      assert.ok(!wrongOf(noise).includes(noise));
    }),
  );
});

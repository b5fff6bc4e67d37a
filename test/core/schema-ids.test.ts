import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readSchemaIds, type SchemaSet, writeSchemaIds } from "../../src/core/schema-ids.ts";

const set: SchemaSet = {
  registry: "http://registry:8081",
  schemas: new Map([
    ["a-value", '"string"'],
    ["b-value", '"int"'],
  ]),
};
const ids = new Map([
  ["a-value", 7],
  ["b-value", 2 ** 31 - 1],
]);

test("P4: ids come back for the same registry and the same schemas", () => {
  assert.deepEqual(readSchemaIds(writeSchemaIds(set, ids), set), ids);
});

const changed: readonly (readonly [string, SchemaSet])[] = [
  ["another registry", { ...set, registry: "http://other:8081" }],
  ["a schema that has changed", { ...set, schemas: new Map([...set.schemas, ["b-value", '"long"']]) }],
  ["a schema that is new", { ...set, schemas: new Map([...set.schemas, ["c-value", '"int"']]) }],
];
for (const [what, other] of changed) {
  test(`P4: no id is taken over for ${what}`, () => {
    assert.equal(readSchemaIds(writeSchemaIds(set, ids), other), null);
  });
}

test("P4: of a file cut or changed anywhere no wrong id is taken over, and none throws", () => {
  const good = writeSchemaIds(set, ids);
  for (let end = 0; end < good.length - 1; end += 1) {
    assert.equal(readSchemaIds(good.subarray(0, end), set), null, `cut at ${end}`);
  }
  fc.assert(fc.property(fc.uint8Array(), (bytes) => readSchemaIds(Buffer.from(bytes), set) === null));
});

for (const id of [0, -1, 1.5, null, "7"]) {
  test(`P4: ${JSON.stringify(id)} is no id`, () => {
    const text = writeSchemaIds(set, ids)
      .toString()
      .replace('"id":7', `"id":${JSON.stringify(id)}`);
    assert.equal(readSchemaIds(Buffer.from(text), set), null);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import avro from "avsc";
import * as fc from "fast-check";
import { createFramer } from "../../src/core/wire.ts";

const bytes = avro.Type.forSchema("bytes");
const person = avro.Type.forSchema({
  type: "record",
  name: "Person",
  fields: [
    { name: "name", type: "string" },
    {
      name: "home",
      type: { type: "record", name: "Home", fields: [{ name: "floor", type: "int" }] },
    },
  ],
});

test("P4: a value follows magic 0 and its schema id, big-endian, and reads back", () => {
  const value = { name: "Ada – é", home: { floor: 3 } };
  const framed = createFramer()(person, 0x01_02_03_04, value);
  assert.ok(framed.ok);
  assert.deepEqual([...framed.value.subarray(0, 5)], [0, 1, 2, 3, 4]);
  assert.deepEqual(JSON.parse(JSON.stringify(person.fromBuffer(framed.value.subarray(5)))), value);
  const highest = createFramer()(person, 0xff_ff_ff_ff, value);
  assert.ok(highest.ok && highest.value.readUInt32BE(1) === 0xff_ff_ff_ff);
});

/** Around the 256 KiB of a slab, and far from it. */
const sizes = fc.oneof(
  fc.nat(300),
  fc.integer({ min: 262_100, max: 262_200 }),
  fc.integer({ min: 130_000, max: 132_000 }),
  fc.constant(700_000),
);
test("P4: no value is overwritten by a later one, wherever a slab ends", () => {
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 12 }), (wanted) => {
      const frame = createFramer();
      const values = wanted.map((size, index) => Buffer.alloc(size, index + 1));
      const framed = values.map((value, index) => {
        // One that fails half-way must leave the others alone.
        assert.ok(!frame(person, 1, { name: "x".repeat(200), home: { floor: "top" } }).ok);
        const result = frame(bytes, index, value);
        assert.ok(result.ok);
        return result.value;
      });
      for (const [index, value] of values.entries()) {
        const found = framed[index] ?? Buffer.alloc(0);
        assert.equal(found.readUInt32BE(1), index);
        assert.ok(value.equals(bytes.fromBuffer(found.subarray(5))), `value ${index}`);
      }
    }),
    { numRuns: 60 },
  );
});

test("P5: a value that does not fit is told by its path and never by itself", () => {
  const result = createFramer()(person, 1, { name: "Ada", home: { floor: "s3cret" } });
  assert.deepEqual(result, { ok: false, code: "value-unencodable", detail: "home.floor" });
  const root = createFramer()(person, 1, "s3cret");
  assert.ok(!root.ok && !root.detail.includes("s3cret"));
});

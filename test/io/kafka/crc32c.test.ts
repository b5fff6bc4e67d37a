import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c } from "../../../src/io/kafka/crc32c.ts";

const kafkajs: (bytes: Buffer) => number = createRequire(import.meta.url)(
  "kafkajs/src/protocol/recordBatch/crc32C",
);

test("P3: the checksum of a batch is that of RFC 3720, its examples included", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(ascending), 0x46dd794e);
  assert.equal(crc32c(ascending.toReversed()), 0x113fdb5c);
  assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
});

test("P3: the checksum is kafkajs' own, for any bytes, at any place in their memory", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300, size: "max" }), fc.nat(9), (array, from) => {
      const bytes = Buffer.from(array).subarray(from);
      assert.equal(crc32c(bytes), kafkajs(bytes));
    }),
  );
});

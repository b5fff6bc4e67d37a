import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Partitioners } from "kafkajs";
import { murmur2, partitionOf } from "../../src/core/murmur2.ts";

test("P6: the hash of a key is that of Kafka's own UtilsTest", () => {
  const vectors: readonly (readonly [string, number])[] = [
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ];
  for (const [text, hash] of vectors) assert.equal(murmur2(Buffer.from(text)), hash, text);
});

const partitionMetadata = (count: number) =>
  Array.from({ length: count }, (_, partitionId) => {
    return { partitionId, partitionErrorCode: 0, leader: 1, replicas: [1], isr: [1] };
  });

test("P6: a key goes to the partition that kafkajs and Java would give it", () => {
  const partitioner = Partitioners.DefaultPartitioner();
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 50 }), (key, count) => {
      const chosen = partitioner({
        topic: "t",
        partitionMetadata: partitionMetadata(count),
        message: { key, value: null },
      });
      assert.equal(partitionOf(key, count), chosen);
    }),
  );
});

test("P2: a key of a megabyte has its partition within a quarter of a second", () => {
  const key = "x".repeat(1024 * 1024);
  const begun = performance.now();
  partitionOf(key, 3);
  assert.ok(performance.now() - begun < 250);
});

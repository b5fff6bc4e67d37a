import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import type { KafkaRecord } from "../../../src/core/sink.ts";
import { encodeProduceRequest, type ProduceRequest } from "../../../src/io/kafka/produce-request.ts";

// What it replaces of kafkajs is replaced from here on.
await import("../../../src/io/kafka/kafkajs.ts");
const require = createRequire(import.meta.url);
type Encode = (request: object) => { encode: () => Promise<{ buffer: Buffer }> };
const kafkajs: Encode = require("kafkajs/src/protocol/requests/produce/v3/request");
const produce: {
  protocol: (of: { version: number }) => (request: object) => { request: object };
} = require("kafkajs/src/protocol/requests/produce");
const toWire: (of: {
  correlationId: number;
  clientId: string;
  request: object;
}) => Promise<{ buffer: Buffer }> = require("kafkajs/src/protocol/request");

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.string({ minLength: 60, maxLength: 200 }),
);
const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength, size: "max" }).map((array) => Buffer.from(array));
const value = fc.oneof(bytes(40), bytes(9000));
const record: fc.Arbitrary<KafkaRecord> = fc.record({
  topic: fc.constant("t"),
  key: fc.option(text),
  value,
  headers: fc.dictionary(text, fc.oneof(text, bytes(30)), { maxKeys: 8 }),
  timestamp: fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 }),
});
const topicData = fc.record({
  topic: fc.stringMatching(/^[a-zA-Z0-9._-]{1,60}$/),
  partitions: fc.array(
    fc.record({
      partition: fc.nat(),
      firstSequence: fc.nat(),
      records: fc.array(record, { minLength: 1, maxLength: 4 }),
    }),
    { maxLength: 3 },
  ),
});
const request: fc.Arbitrary<ProduceRequest> = fc.record({
  acks: fc.constantFrom(-1, 1),
  timeout: fc.nat(),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }).map(String),
  producerEpoch: fc.integer({ min: -1, max: 32_767 }),
  topicData: fc.array(topicData, { maxLength: 3 }),
});

/** Times are texts there. */
const asKafkajsTakesIt = ({ topicData: topics, ...rest }: ProduceRequest) => ({
  ...rest,
  topicData: topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ records, ...part }) => ({
      ...part,
      messages: records.map(({ key, value: bytesOf, headers, timestamp }) => ({
        key,
        value: bytesOf,
        headers,
        timestamp: String(timestamp),
      })),
    })),
  })),
});

test("P4: a produce request is the same bytes that kafkajs itself would send", async () => {
  await fc.assert(
    fc.asyncProperty(request, async (one) => {
      const theirs = await kafkajs(asKafkajsTakesIt(one)).encode();
      assert.deepEqual(encodeProduceRequest(one, 0), theirs.buffer);
    }),
    { numRuns: 500 },
  );
});

test("P4: its head, with the client's id of any length, is the one that kafkajs itself would send", async () => {
  await fc.assert(
    fc.asyncProperty(
      request,
      fc.nat(),
      fc.string({ maxLength: 400, size: "max" }),
      async (one, correlationId, clientId) => {
        const ours = produce.protocol({ version: 3 })(one).request;
        const theirs = { apiKey: 0, apiVersion: 3, ...kafkajs(asKafkajsTakesIt(one)) };
        const sent = await toWire({ correlationId, clientId, request: ours });
        const expected = await toWire({ correlationId, clientId, request: theirs });
        assert.deepEqual(sent.buffer, expected.buffer);
      },
    ),
    { numRuns: 200 },
  );
});

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import type { KafkaRecord } from "../../../src/core/sink.ts";
import { encodeProduceRequest, type ProduceRequest } from "../../../src/io/kafka/produce-request.ts";

// What it replaces of kafkajs is replaced from here on.
await import("../../../src/io/kafka/kafkajs.ts");
const require = createRequire(import.meta.url);
type Encoded = { readonly buffer: Buffer };
type Encodable = { readonly encode: () => Promise<Encoded> };
const kafkajs: (request: object) => Encodable = require("kafkajs/src/protocol/requests/produce/v3/request");
const produce: {
  protocol: (of: { version: number }) => (request: ProduceRequest) => { request: Encodable };
} = require("kafkajs/src/protocol/requests/produce");
const toWire: (of: {
  correlationId: number;
  clientId: string;
  request: Encodable;
}) => Promise<Encoded> = require("kafkajs/src/protocol/request");

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
  const clientId = fc.oneof(
    fc.string({ maxLength: 400, size: "max" }),
    fc.integer({ min: 238, max: 260 }).map((length) => "c".repeat(length)),
  );
  await fc.assert(
    fc.asyncProperty(request, fc.nat(), clientId, async (one, correlationId, id) => {
      const ours = produce.protocol({ version: 3 })(one).request;
      const theirs = { apiKey: 0, apiVersion: 3, ...kafkajs(asKafkajsTakesIt(one)) };
      const sent = await toWire({ correlationId, clientId: id, request: ours });
      const expected = await toWire({ correlationId, clientId: id, request: theirs });
      assert.deepEqual(sent.buffer, expected.buffer);
    }),
    { numRuns: 300 },
  );
});

test("a produce request of up to a megabyte is not copied on its way to the socket", async () => {
  const { request: ours } = produce.protocol({ version: 3 })({
    acks: -1,
    timeout: 1,
    producerId: "1",
    producerEpoch: 0,
    topicData: [],
  });
  const encoded = await ours.encode();
  const sent = await toWire({
    correlationId: 1,
    clientId: "c".repeat(200),
    request: { ...ours, encode: async () => encoded },
  });
  assert.equal(sent.buffer.buffer, encoded.buffer.buffer);
});

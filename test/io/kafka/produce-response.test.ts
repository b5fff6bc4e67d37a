import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import { decodeProduceResponse, type PartitionAnswer } from "../../../src/io/kafka/produce-response.ts";

const require = createRequire(import.meta.url);
type Decoded = {
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
};
const kafkajs = (version: number): { decode: (body: Buffer) => Promise<Decoded> } =>
  require(`kafkajs/src/protocol/requests/produce/v${version}/response`);

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const int16 = (value: number): Buffer => int32(value).subarray(2);

const topic = fc.record({
  name: fc.stringMatching(/^[a-zA-Z0-9._-]{1,60}$/),
  partitions: fc.array(
    fc.record({
      partition: fc.nat(),
      errorCode: fc.integer({ min: -1, max: 120 }),
      rest: fc.uint8Array({ minLength: 24, maxLength: 24 }),
    }),
    { maxLength: 4 },
  ),
});
type Topic = typeof topic extends fc.Arbitrary<infer T> ? T : never;

const throttleMs = 1234;
/** https://kafka.apache.org/protocol#The_Messages_Produce */
const toBody = (topics: readonly Topic[], version: number): Buffer =>
  Buffer.concat([
    int32(topics.length),
    ...topics.flatMap(({ name, partitions }) => [
      int16(name.length),
      Buffer.from(name),
      int32(partitions.length),
      ...partitions.flatMap(({ partition, errorCode, rest }) => [
        int32(partition),
        int16(errorCode),
        rest.subarray(0, version < 5 ? 16 : 24),
      ]),
    ]),
    int32(throttleMs),
  ]);

test("P1: of a produce response every partition is read with its own error code, as kafkajs itself reads them", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(topic, { maxLength: 4 }),
      fc.integer({ min: 3, max: 7 }),
      async (topics, version) => {
        const body = toBody(topics, version);
        const theirs = (await kafkajs(version).decode(body)).topics.flatMap(({ topicName, partitions }) =>
          partitions.map(({ partition, errorCode }): PartitionAnswer => ({
            topic: topicName,
            partition,
            errorCode,
          })),
        );
        const { answers, clientSideThrottleTime } = decodeProduceResponse(body, version);
        assert.deepEqual(answers, theirs);
        assert.equal(clientSideThrottleTime, version < 6 ? 0 : throttleMs);
      },
    ),
  );
});

test("P1: a produce response that ends too early is an error, and no answer", () => {
  const [one] = fc.sample(
    topic.filter(({ partitions }) => partitions.length > 0),
    { numRuns: 1, seed: 1 },
  );
  assert.ok(one !== undefined);
  const body = toBody([one], 7);
  assert.throws(() => decodeProduceResponse(body.subarray(0, one.name.length + 12), 7), RangeError);
});

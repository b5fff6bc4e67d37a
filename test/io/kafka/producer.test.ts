import assert from "node:assert/strict";
import { test } from "node:test";
import type { Broker, Cluster } from "../../../src/io/kafka/kafkajs.ts";
import type { PartitionAnswer } from "../../../src/io/kafka/produce-response.ts";
import { openProducer, type Part, produce } from "../../../src/io/kafka/producer.ts";
import { recordOf } from "../../support/proxiedKafka.ts";

const partOf = (topic: string, partition: number, leader: number): Part => ({
  topic,
  partition,
  leader,
  records: [recordOf(topic, "k", "1")],
});

/** Brokers by node id, each with what it answers. */
const clusterOf = (produces: readonly (() => Promise<readonly PartitionAnswer[]>)[]): Cluster => {
  const brokers = produces.map((answers): Broker => ({
    produce: async () => ({ answers: await answers(), clientSideThrottleTime: 0 }),
    initProducerId: () => Promise.resolve({ producerId: "1", producerEpoch: 0 }),
    metadata: () => Promise.resolve({ topicMetadata: [] }),
  }));
  const brokerOf = (nodeId: number): Promise<Broker> => {
    const broker = brokers[nodeId];
    return broker === undefined ? Promise.reject(new Error("no such broker")) : Promise.resolve(broker);
  };
  return {
    connect: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    refreshMetadata: () => Promise.resolve(),
    brokerPool: { findConnectedBroker: () => brokerOf(0) },
    findBroker: ({ nodeId }) => brokerOf(nodeId),
  };
};

const times = { replicasMs: 50, answerMs: 50 };

test("P7, P10: a leader that never answers fails alone, and in time", async () => {
  const answer = { topic: "t", partition: 1, errorCode: 0 };
  const cluster = clusterOf([() => new Promise(() => {}), () => Promise.resolve([answer])]);
  const [hanging, healthy] = [partOf("t", 0, 0), partOf("t", 1, 1)];
  const failed = await produce(await openProducer(cluster), [hanging, healthy], times);
  assert.equal(failed.get(hanging)?.code, "broker-timeout");
  assert.equal(failed.size, 1);
});

test("P1: written is only what an answer names once, and without an error", async () => {
  const answers = [
    { topic: "t", partition: 0, errorCode: 0 },
    { topic: "t", partition: 1, errorCode: 6 },
    { topic: "t", partition: 1, errorCode: 0 },
    { topic: "other", partition: 2, errorCode: 0 },
    { topic: "t", partition: 3, errorCode: 3 },
  ];
  const parts = [0, 1, 2, 3].map((partition) => partOf("t", partition, 0));
  const producer = await openProducer(clusterOf([() => Promise.resolve(answers)]));
  const failed = await produce(producer, parts, times);
  assert.deepEqual(
    parts.map((part) => failed.get(part)?.code),
    [undefined, "leader-unavailable", "record-not-sent", "record-not-sent"],
  );
});

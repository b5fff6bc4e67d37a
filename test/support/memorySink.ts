import { Partitioners } from "kafkajs";
import { fail, ok } from "../../src/core/result.ts";
import type { KafkaRecord, Sink, SinkFailure, SinkOutcome } from "../../src/core/sink.ts";

/** What becomes of a record: undefined for success. Asked once for each record of each call. */
export type MemoryFault = (record: KafkaRecord) => SinkFailure | undefined;

export interface MemorySink extends Sink {
  /** What the topic holds: partition by partition, each in its order. Empty for an unknown topic. */
  records(topic: string): readonly KafkaRecord[];
  /** Replaces what was set before; `() => undefined` ends it. */
  failWith(fault: MemoryFault): void;
  /** From now on calls wait, until the function that this gives is called. */
  hang(): () => void;
  /** How many records each call brought, in order of the calls. */
  readonly calls: readonly number[];
}

export interface MemorySinkOptions {
  readonly partitions?: number;
  /** Bytes of key and value; the broker's own default. */
  readonly maxRecordBytes?: number;
  /** Only these exist; without it every topic does. */
  readonly topics?: readonly string[];
}

/** As a broker does: one record that is refused takes those with it that stand in the same topic and call. */
const refusalsByTopic = (
  records: readonly KafkaRecord[],
  refusalOf: MemoryFault,
): ReadonlyMap<string, SinkFailure> => {
  const refusals = new Map<string, SinkFailure>();
  for (const record of records) {
    const refusal = refusalOf(record);
    if (refusal !== undefined && !refusals.has(record.topic)) refusals.set(record.topic, refusal);
  }
  return refusals;
};

const noFault: MemoryFault = () => undefined;

/** A sink that keeps its topics in memory, for tests of what stands in front of one. */
export const createMemorySink = (options: MemorySinkOptions = {}): MemorySink => {
  const { partitions = 3, maxRecordBytes = 1_000_000, topics } = options;
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionId,
    partitionErrorCode: 0,
    leader: 1,
    replicas: [1],
    isr: [1],
  }));
  const partitioner = Partitioners.DefaultPartitioner();
  const logs = new Map<string, KafkaRecord[][]>();
  const calls: number[] = [];
  const closed = Promise.withResolvers<boolean>();
  let gate = Promise.resolve(true);
  let fault = noFault;
  let tail: Promise<unknown> = Promise.resolve();

  const refusalOf: MemoryFault = (record) => {
    if (topics !== undefined && !topics.includes(record.topic)) return "topic-missing";
    if (record.value.length + (record.key?.length ?? 0) > maxRecordBytes) return "record-too-large";
    return fault(record);
  };

  const append = (record: KafkaRecord): SinkOutcome => {
    const { topic, key, value } = record;
    const partition = partitioner({ topic, partitionMetadata, message: { key, value } });
    const log = logs.get(topic) ?? partitionMetadata.map((): KafkaRecord[] => []);
    logs.set(topic, log);
    log[partition]?.push(record);
    return ok({ partition });
  };

  const sendNow = async (records: readonly KafkaRecord[]): Promise<readonly SinkOutcome[]> => {
    calls.push(records.length);
    if (!(await Promise.race([gate, closed.promise])))
      return records.map(() => fail("broker-unavailable", "the sink was closed"));
    const refusals = refusalsByTopic(records, refusalOf);
    return records.map((record) => {
      const refusal = refusals.get(record.topic);
      return refusal === undefined ? append(record) : fail(refusal, "refused by the sink in memory");
    });
  };

  return {
    send: (records) => {
      const sending = tail.then(() => sendNow(records));
      tail = sending;
      return sending;
    },
    records: (topic) => (logs.get(topic) ?? []).flat(),
    failWith: (next) => {
      fault = next;
    },
    hang: () => {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      gate = promise;
      return () => resolve(true);
    },
    calls,
    [Symbol.asyncDispose]: () => {
      closed.resolve(false);
      return Promise.resolve();
    },
  };
};

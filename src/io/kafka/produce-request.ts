import type { KafkaRecord } from "../../core/sink.ts";
import { crc32c } from "./crc32c.ts";
import {
  createWriter,
  leaveRoom,
  writeBigInt64,
  writeBytes,
  writeInt16,
  writeInt32,
  writeInt64,
  writeInt8,
  writeText,
  writeVarint,
  type Writer,
  writtenBy,
} from "./writer.ts";

/** Compression and transactions are not used. */
export type ProduceRequest = {
  readonly acks: number;
  /** Milliseconds that the broker may wait for its replicas. */
  readonly timeout: number;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly ProducedPartition[];
  }[];
};

type ProducedPartition = {
  readonly partition: number;
  readonly firstSequence: number;
  readonly records: readonly KafkaRecord[];
};

/** Expected bytes of a record beside its value. */
const recordOverhead = 512;
const formatVersion = 2;
/** Behind the length of a batch: leader epoch and format version, then the checksum of all that follows it. */
const checksumAt = 5;

const writeHeaders = (writer: Writer, headers: KafkaRecord["headers"]): void => {
  const names = Object.keys(headers);
  writeVarint(writer, names.length);
  for (const name of names) {
    writeText(writer, name);
    const value = headers[name] ?? "";
    if (typeof value === "string") writeText(writer, value);
    else writeBytes(writer, value);
  }
};

/** The length of a record of 64 to 8,191 bytes takes two bytes: the usual case, in which nothing has to move. */
const usualLengthBytes = 2;

/** Puts the length of what was written since then in front of it. */
const writeLengthBefore = (writer: Writer, start: number): void => {
  const begin = start + usualLengthBytes;
  const end = writer.length;
  // First behind the record, at a distance, as far as it may have to move.
  const at = leaveRoom(writer, 8) + 8;
  writeVarint(writer, end - begin);
  const lengthBytes = writer.length - at;
  const { bytes } = writer;
  if (lengthBytes !== usualLengthBytes) bytes.copyWithin(start + lengthBytes, begin, end);
  bytes.copyWithin(start, at, at + lengthBytes);
  writer.length = start + lengthBytes + end - begin;
};

const writeRecord = (
  writer: Writer,
  { key, value, headers }: KafkaRecord,
  [timestampDelta, offsetDelta]: readonly [number, number],
): void => {
  const start = leaveRoom(writer, usualLengthBytes);
  writeInt8(writer, 0);
  writeVarint(writer, timestampDelta);
  writeVarint(writer, offsetDelta);
  // Length -1, in zigzag.
  if (key === null) writeInt8(writer, 1);
  else writeText(writer, key);
  writeBytes(writer, value);
  writeHeaders(writer, headers);
  writeLengthBefore(writer, start);
};

type Producer = { readonly producerId: bigint; readonly producerEpoch: number };

/** Format version 2: https://kafka.apache.org/documentation/#recordbatch */
const writeBatch = (
  writer: Writer,
  { producerId, producerEpoch }: Producer,
  part: ProducedPartition,
): void => {
  const { firstSequence, records } = part;
  const times = records.map(({ timestamp }) => timestamp);
  const first = Math.min(...times);
  writeInt64(writer, 0);
  const start = leaveRoom(writer, 4);
  writeInt32(writer, 0);
  writeInt8(writer, formatVersion);
  leaveRoom(writer, 4);
  writeInt16(writer, 0);
  writeInt32(writer, records.length - 1);
  writeInt64(writer, first);
  writeInt64(writer, Math.max(...times));
  writeBigInt64(writer, producerId);
  writeInt16(writer, producerEpoch);
  writeInt32(writer, firstSequence);
  writeInt32(writer, records.length);
  for (const [index, record] of records.entries()) {
    writeRecord(writer, record, [(times[index] ?? first) - first, index]);
  }
  const { bytes, length } = writer;
  const checksum = start + 4 + checksumAt;
  bytes.writeInt32BE(length - start - 4, start);
  bytes.writeUInt32BE(crc32c(bytes.subarray(checksum + 4, length)), checksum);
};

const writePartition = (writer: Writer, producer: Producer, part: ProducedPartition): void => {
  writeInt32(writer, part.partition);
  const start = leaveRoom(writer, 4);
  writeBatch(writer, producer, part);
  writer.bytes.writeInt32BE(writer.length - start - 4, start);
};

const expectedSize = ({ topicData }: ProduceRequest): number => {
  let size = 1024;
  for (const { partitions } of topicData)
    for (const { records } of partitions)
      for (const { value } of records) size += value.length + recordOverhead;
  return size;
};

/** The body of a produce request, versions 3 to 7, behind so many bytes of `room`. */
export const encodeProduceRequest = (request: ProduceRequest, room: number): Buffer => {
  const writer = createWriter(room + expectedSize(request));
  leaveRoom(writer, room);
  const producer = {
    producerId: BigInt(request.producerId),
    producerEpoch: request.producerEpoch,
  };
  // No transaction: a text of length -1.
  writeInt16(writer, -1);
  writeInt16(writer, request.acks);
  writeInt32(writer, request.timeout);
  writeInt32(writer, request.topicData.length);
  for (const { topic, partitions } of request.topicData) {
    writeInt16(writer, Buffer.byteLength(topic));
    const at = leaveRoom(writer, topic.length);
    writer.bytes.write(topic, at, "latin1");
    writeInt32(writer, partitions.length);
    for (const part of partitions) writePartition(writer, producer, part);
  }
  return writtenBy(writer);
};

/** What the broker says of the records of one partition: 0 when it has them all. */
export type PartitionAnswer = {
  readonly topic: string;
  readonly partition: number;
  /** https://kafka.apache.org/protocol#protocol_error_codes */
  readonly errorCode: number;
};

export type ProduceResponse = {
  readonly answers: readonly PartitionAnswer[];
  /** Milliseconds that a quota wants us to wait before the next request; kafkajs sees to it, under this name. */
  readonly clientSideThrottleTime: number;
};

/** Base offset and append time; from version 5 on the begin of the log too. */
const bytesBehindCode = (version: number): number => (version < 5 ? 16 : 24);

/** The body of a produce response, versions 3 to 7. Throws a RangeError when it ends too early. */
export const decodeProduceResponse = (body: Buffer, version: number): ProduceResponse => {
  const answers: PartitionAnswer[] = [];
  let at = 4;
  for (let topics = body.readInt32BE(0); topics > 0; topics -= 1) {
    const nameAt = at + 2;
    at = nameAt + body.readInt16BE(at);
    const topic = body.toString("latin1", nameAt, at);
    const partitions = body.readInt32BE(at);
    at += 4;
    for (let index = 0; index < partitions; index += 1) {
      answers.push({ topic, partition: body.readInt32BE(at), errorCode: body.readInt16BE(at + 4) });
      at += 6 + bytesBehindCode(version);
    }
  }
  // Before version 6 the broker has waited itself.
  return { answers, clientSideThrottleTime: version < 6 ? 0 : body.readInt32BE(at) };
};

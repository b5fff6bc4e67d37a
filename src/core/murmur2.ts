const seed = 0x9747b28c | 0;
const m = 0x5bd1e995;

const mixed = (k: number): number => {
  const product = Math.imul(k, m);
  return Math.imul(product ^ (product >>> 24), m);
};

/**
 * Written after `org.apache.kafka.common.utils.Utils.murmur2`. That of kafkajs gives the same numbers, but counts in big
 * integers which it never cuts: a key of a megabyte takes it minutes, in which nobody has an answer.
 */
export const murmur2 = (data: Buffer): number => {
  let h = seed ^ data.length;
  const whole = data.length & ~3;
  for (let at = 0; at < whole; at += 4) h = Math.imul(h, m) ^ mixed(data.readInt32LE(at));
  const rest = data.subarray(whole);
  if (rest.length > 0) h = Math.imul(h ^ rest.readUIntLE(0, rest.length), m);
  h = Math.imul(h ^ (h >>> 13), m);
  return h ^ (h >>> 15);
};

/** As the default partitioners of Java and kafkajs choose for a record with a key. */
export const partitionOf = (key: string, partitions: number): number =>
  (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;

import type { Encoded } from "../core/record.ts";

/** Below the broker's default `max.message.bytes`, 1,048,588, also when all of a call falls into one partition. */
const callBytes = 1_000_000;
/** More records in one call gain nothing. */
const callRecords = 2000;
/** Headers, key and framing of a record. */
const overheadBytes = 400;

const bytesOf = ({ record }: Pick<Encoded, "record">): number => record.value.length + overheadBytes;

/** Cuts records, in order, into parts that one call can carry; one that is larger stands alone. */
export const chunksOf = <T extends Pick<Encoded, "record">>(
  items: readonly T[],
): readonly (readonly T[])[] => {
  const chunks: (readonly T[])[] = [];
  let start = 0;
  let bytes = 0;
  for (const [index, item] of items.entries()) {
    const size = bytesOf(item);
    if (index > start && (bytes + size > callBytes || index - start === callRecords)) {
      chunks.push(items.slice(start, index));
      start = index;
      bytes = 0;
    }
    bytes += size;
  }
  // As a rule all of it is one call.
  chunks.push(start === 0 ? items : items.slice(start));
  return chunks;
};

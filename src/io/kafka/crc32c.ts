// The checksum of record batches, eight bytes at a time. Byte by byte, as kafkajs goes, it costs more than all else that
// is done to write a record.

/** Castagnoli's polynomial, its bits reversed. */
const polynomial = 0x82f63b78;

/** Eight tables of 256: what a byte comes to when 0 to 7 bytes follow it. */
const tables = new Int32Array(8 * 256);
const entry = (table: number, bits: number): number => tables[(table << 8) | (bits & 255)] ?? 0;

const step = (crc: number): number => (crc >>> 8) ^ entry(0, crc);

for (let byte = 0; byte < 256; byte += 1) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
  tables[byte] = crc;
}
for (let at = 256; at < tables.length; at += 1) tables[at] = step(tables[at - 256] ?? 0);

/** A whole number from 0 to 2^32 - 1. */
export const crc32c = ({ buffer, byteOffset, byteLength }: Uint8Array): number => {
  const view = new DataView(buffer, byteOffset, byteLength);
  const whole = byteLength & ~7;
  let crc = -1;
  for (let at = 0; at < whole; at += 8) {
    const low = crc ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    crc =
      entry(7, low) ^
      entry(6, low >>> 8) ^
      entry(5, low >>> 16) ^
      entry(4, low >>> 24) ^
      entry(3, high) ^
      entry(2, high >>> 8) ^
      entry(1, high >>> 16) ^
      entry(0, high >>> 24);
  }
  for (let at = whole; at < byteLength; at += 1) crc = step(crc ^ view.getUint8(at));
  return ~crc >>> 0;
};

/** Bytes that grow at the end. Only the parts of Kafka's protocol that a produce request needs. */
export type Writer = { bytes: Buffer; length: number };

/** `size` in bytes: what is expected. */
export const createWriter = (size: number): Writer => ({ bytes: Buffer.allocUnsafe(size), length: 0 });

export const writtenBy = ({ bytes, length }: Writer): Buffer => bytes.subarray(0, length);

const ensure = (writer: Writer, more: number): void => {
  if (writer.length + more <= writer.bytes.length) return;
  const grown = Buffer.allocUnsafe(2 * (writer.length + more));
  writer.bytes.copy(grown, 0, 0, writer.length);
  writer.bytes = grown;
};

export const writeInt8 = (writer: Writer, value: number): void => {
  ensure(writer, 1);
  writer.length = writer.bytes.writeInt8(value, writer.length);
};

export const writeInt16 = (writer: Writer, value: number): void => {
  ensure(writer, 2);
  writer.length = writer.bytes.writeInt16BE(value, writer.length);
};

export const writeInt32 = (writer: Writer, value: number): void => {
  ensure(writer, 4);
  writer.length = writer.bytes.writeInt32BE(value, writer.length);
};

/** Whole numbers from 0 to 2^53. */
export const writeInt64 = (writer: Writer, value: number): void => {
  writeInt32(writer, Math.trunc(value / 2 ** 32));
  writeInt32(writer, value | 0);
};

export const writeBigInt64 = (writer: Writer, value: bigint): void => {
  ensure(writer, 8);
  writer.length = writer.bytes.writeBigInt64BE(value, writer.length);
};

/** Whole numbers from 0 to 2^52, the sign taken into the lowest bit as Kafka has it (zigzag). */
export const writeVarint = (writer: Writer, value: number): void => {
  ensure(writer, 8);
  let rest = value * 2;
  while (rest > 127) {
    writer.bytes[writer.length++] = (rest % 128) | 128;
    rest = Math.trunc(rest / 128);
  }
  writer.bytes[writer.length++] = rest;
};

/** Bytes behind their length. */
export const writeBytes = (writer: Writer, bytes: Buffer): void => {
  writeVarint(writer, bytes.length);
  ensure(writer, bytes.length);
  writer.bytes.set(bytes, writer.length);
  writer.length += bytes.length;
};

/** UTF-8 behind its length. Nearly all of it is short and ASCII, for which a call into the runtime costs more than a loop. */
export const writeText = (writer: Writer, text: string): void => {
  const start = writer.length;
  writeVarint(writer, text.length);
  ensure(writer, text.length);
  const { bytes } = writer;
  let at = writer.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 127) {
      writer.length = start;
      return writeBytes(writer, Buffer.from(text, "utf8"));
    }
    bytes[at++] = code;
  }
  writer.length = at;
};

/** Room of as many bytes, for what is known only later. Returns where it is. */
export const leaveRoom = (writer: Writer, size: number): number => {
  ensure(writer, size);
  const at = writer.length;
  writer.length += size;
  return at;
};

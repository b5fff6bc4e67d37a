import type { Type } from "avsc";
import { fail, ok, type Result } from "./result.ts";

/** Magic byte and schema id, as every Confluent-compatible deserializer expects them. */
const headerBytes = 5;
const slabBytes = 256 * 1024;

/** Avro under a schema id: magic 0, id as 4 bytes big-endian, binary Avro. */
export type Framer = (type: Type, schemaId: number, value: unknown) => Result<Buffer, "value-unencodable">;

/**
 * Encodes into shared slabs: a framed value is a view on one, never overwritten afterwards, and keeps its slab alive.
 * Fails with the path of the field when the value does not fit its schema.
 */
export const createFramer = (): Framer => {
  let slab = Buffer.allocUnsafeSlow(slabBytes);
  let used = 0;

  const write = (type: Type, schemaId: number, value: unknown): Buffer => {
    const start = used;
    const end =
      start + headerBytes > slab.length ? -slabBytes : type.encode(value, slab, start + headerBytes);
    if (end < 0) {
      slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, slab.length - start + headerBytes - end));
      used = 0;
      return write(type, schemaId, value);
    }
    slab[start] = 0;
    slab.writeUInt32BE(schemaId, start + 1);
    used = end;
    return slab.subarray(start, end);
  };

  return (type, schemaId, value) => {
    try {
      return ok(write(type, schemaId, value));
    } catch (error) {
      // avsc throws for a value that does not fit: its words name the path and the type, and quote the value.
      return fail("value-unencodable", pathsOf(type, value) || (error instanceof Error ? error.name : ""));
    }
  };
};

const pathsOf = (type: Type, value: unknown): string => {
  const paths: string[] = [];
  type.isValid(value, { errorHook: (path) => paths.push(path.join(".")) });
  return paths.slice(0, 3).join(", ");
};

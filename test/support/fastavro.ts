import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const script = join(import.meta.dirname, "decode.py");

export type Decoded = { readonly schemaId: number; readonly schema: string; readonly value: unknown };

const isDecoded = (one: unknown): one is Decoded =>
  typeof one === "object" && one !== null && "schemaId" in one && "schema" in one && "value" in one;

/** Decodes framed Avro in Python, by the schemas that the registry gives for the ids in it; one process for all. */
export const decodeWithFastavro = async (
  registry: string,
  values: readonly Buffer[],
): Promise<readonly Decoded[]> => {
  const python = spawn("python3", [script], { stdio: ["pipe", "pipe", "pipe"] });
  const missing = new Promise<never>((_resolve, reject) => {
    python.once("error", (cause) => reject(new Error("python3 is missing: install Python 3", { cause })));
  });
  const output = Promise.all([text(python.stdout), text(python.stderr)]);
  python.stdin.on("error", () => {
    // It has ended before it read all: its own words on standard error say why.
  });
  python.stdin.end(JSON.stringify({ registry, values: values.map((value) => value.toString("base64")) }));
  const [json, complaint] = await Promise.race([output, missing]);
  assert.equal(complaint.trim(), "", `Python could not decode: ${complaint}`);
  const decoded: unknown = JSON.parse(json);
  assert.ok(Array.isArray(decoded) && decoded.length === values.length && decoded.every(isDecoded), json);
  return decoded;
};

/**
 * The file that remembers which id a registry has given to a schema, so that a start during its outage can go on:
 * `{"version":1,"registry":"<address>","ids":{"<subject>":{"id":<number>,"fingerprint":"<SHA-256 of the schema, hex>"}}}`.
 */
import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import { isObject } from "./json.ts";

const version = 1;

/** What the ids belong to: another registry, or another schema, has others. */
export type SchemaSet = {
  readonly registry: string;
  /** JSON texts by subject. */
  readonly schemas: ReadonlyMap<string, string>;
};

const fingerprintOf = (schema: string): string => hash("sha256", schema, "hex");

export const writeSchemaIds = (
  { registry, schemas }: SchemaSet,
  ids: ReadonlyMap<string, number>,
): Buffer => {
  const entries = [...schemas].map(([subject, schema]) => [
    subject,
    { id: ids.get(subject), fingerprint: fingerprintOf(schema) },
  ]);
  return Buffer.from(`${JSON.stringify({ version, registry, ids: Object.fromEntries(entries) })}\n`);
};

const parse = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
};

const isId = (id: unknown): id is number => typeof id === "number" && Number.isInteger(id) && id > 0;

/** The ids of all the schemas; null when the file is damaged, of another registry, or lacks one of the schemas as it is now. */
export const readSchemaIds = (
  bytes: Buffer,
  { registry, schemas }: SchemaSet,
): ReadonlyMap<string, number> | null => {
  const file = parse(bytes);
  if (!isObject(file) || file["version"] !== version || file["registry"] !== registry) return null;
  const known = file["ids"];
  if (!isObject(known)) return null;
  const ids = new Map<string, number>();
  for (const [subject, schema] of schemas) {
    const entry = known[subject];
    if (!isObject(entry) || entry["fingerprint"] !== fingerprintOf(schema)) return null;
    const { id } = entry;
    if (!isId(id)) return null;
    ids.set(subject, id);
  }
  return ids;
};

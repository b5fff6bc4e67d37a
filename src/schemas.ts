import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { type SchemaName, subjectOf } from "./core/catalog.ts";
import { type Failure, failures } from "./core/result.ts";
import { readSchemaIds, type SchemaSet, writeSchemaIds } from "./core/schema-ids.ts";
import { codeOf, isSystemError, realFiles } from "./io/journal/files.ts";
import { readWhole, replaceWhole } from "./io/journal/whole-file.ts";
import type { Registry } from "./io/registry.ts";
import { pause, type Preparation, topicsOf } from "./prepare.ts";

const readSchema = (name: SchemaName): string =>
  readFileSync(new URL(`../schemas/${name}.avsc`, import.meta.url), "utf8");

/** JSON texts of `schemas/`. */
export const schemaTexts = {
  "envelope-event": readSchema("envelope-event"),
  "template-fill-result": readSchema("template-fill-result"),
  "unrecognized-event": readSchema("unrecognized-event"),
} as const satisfies Record<SchemaName, string>;

/** By subject: of all schemas, or none yet. The relay reads it; what the registry says is written into it. */
export type SchemaIds = Map<string, number>;

const schemaSetOf = (config: Config): SchemaSet => ({
  registry: config.registry.url,
  schemas: new Map(
    topicsOf(config).events.map(({ topic, schema }) => [subjectOf(topic), schemaTexts[schema]]),
  ),
});

const fileName = "schema-ids.json";

const quietly = async <T>({ telemetry }: Preparation, work: () => Promise<T>): Promise<T | null> => {
  try {
    return await work();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    telemetry.journalFailed("schema-ids", codeOf(error));
    return null;
  }
};

/** The ids that the registry gave before the last end, complete or none: with them publishing need not wait for it. */
export const recallSchemaIds = async (parts: Preparation): Promise<SchemaIds> => {
  const { directory } = parts.config.journal;
  // With a journal in memory Kafka and the registry are needed for every callback anyway.
  if (directory === null) return new Map();
  const bytes = await quietly(parts, () => readWhole(realFiles, join(directory, fileName)));
  const ids = bytes === null ? null : readSchemaIds(bytes, schemaSetOf(parts.config));
  return new Map(ids);
};

/** All of them; or the failure that no retry mends; or null when the bridge closes first. */
const askForAll = async (
  { telemetry, closing }: Preparation,
  registry: Registry,
  schemas: SchemaSet["schemas"],
): Promise<ReadonlyMap<string, number> | Failure | null> => {
  const ids = new Map<string, number>();
  const missing = new Map(schemas);
  for (let attempt = 0; !closing.aborted; attempt += 1) {
    let retriable: Failure | null = null;
    for (const [subject, id] of await registry.schemaIds(missing)) {
      if (id.ok) {
        ids.set(subject, id.value);
        missing.delete(subject);
      } else if (failures[id.code].handling === "fatal") return id;
      else retriable = id;
    }
    if (retriable === null) return ids;
    telemetry.registryFailed(retriable.code, retriable.detail);
    await pause(attempt, closing);
  }
  return null;
};

/**
 * Asks the registry until it answers, and takes over what it says: a registry that was built anew gives old ids to other
 * schemas. Gives the failure that no retry mends.
 */
export const askForSchemaIds = async (
  parts: Preparation,
  registry: Registry,
  known: SchemaIds,
): Promise<Failure | null> => {
  const set = schemaSetOf(parts.config);
  const said = await askForAll(parts, registry, set.schemas);
  if (said === null || "ok" in said) return said;
  for (const [subject, id] of said) {
    const before = known.get(subject);
    if (before !== undefined && before !== id) parts.telemetry.schemaIdChanged(subject, before, id);
    known.set(subject, id);
  }
  const { directory } = parts.config.journal;
  const file = { name: fileName, bytes: writeSchemaIds(set, said) };
  if (directory !== null) await quietly(parts, () => replaceWhole(realFiles, directory, file));
  return null;
};

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import avro from "avsc";
import type { Callback } from "../../src/core/callback.ts";
import { catalog, type Dialect, type SchemaName, topicOf } from "../../src/core/catalog.ts";

const root = join(import.meta.dirname, "..");

export type Fixture = {
  readonly dialect: Dialect;
  /** The action, as the file is called. */
  readonly action: string;
  /** Empty for the form that the vendor's pages describe. */
  readonly variant: string;
  readonly body: Buffer;
  /** What `toRecord` must give. */
  readonly expected: unknown;
};

export const dialects: readonly Dialect[] = ["apps-callback", "webhook"];

const fixturesIn = (folder: string, dialect: Dialect): readonly Fixture[] =>
  readdirSync(join(root, "fixtures", folder, dialect))
    .filter((file) => !file.endsWith(".expected.json"))
    .map((file) => {
      const [action = "", variant = ""] = file.replace(/\.json$/, "").split(".");
      const path = join(root, "fixtures", folder, dialect, file);
      const expected: unknown = JSON.parse(readFileSync(path.replace(/\.json$/, ".expected.json"), "utf8"));
      return { dialect, action, variant, body: readFileSync(path), expected };
    });

/** One per event and dialect, as the vendor's pages describe it. */
export const canonicalFixtures: readonly Fixture[] = dialects.flatMap((dialect) => fixturesIn("", dialect));
/** The same events, as the pages contradict each other. */
export const variantFixtures: readonly Fixture[] = dialects.flatMap((dialect) =>
  fixturesIn("variants", dialect),
);

const typeOf = (name: SchemaName): avro.Type =>
  avro.Type.forSchema(JSON.parse(readFileSync(join(root, "..", "schemas", `${name}.avsc`), "utf8")));

/** The schemas as the bridge uses them: `timestamp-millis` stays a number. */
export const schemaTypes: Readonly<Record<SchemaName, avro.Type>> = {
  "envelope-event": typeOf("envelope-event"),
  "template-fill-result": typeOf("template-fill-result"),
  "unrecognized-event": typeOf("unrecognized-event"),
};

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** The value of a callback's record, with stand-ins for what only the bridge knows. */
export const valueOf = ({ action, dialect, fields }: Callback): object => ({
  eventId: "0".repeat(32),
  action,
  dialect,
  source: null,
  receivedAt: 0,
  ...fields,
});

/** The value after a trip through Avro, in plain objects. */
export const throughAvro = (callback: Callback): unknown => {
  const type = schemaTypes[catalog[callback.event].schema];
  return plain(type.fromBuffer(type.toBuffer(valueOf(callback))));
};

/** What an `.expected.json` holds: where a record goes, and its value without what only the bridge knows. */
export const toRecord = (callback: Callback): unknown => {
  const { event, key, action, dialect, fields } = callback;
  return plain({ event, topic: topicOf(event, "esign."), key, value: { action, dialect, ...fields } });
};

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { secretNames, settingNames } from "../../src/config.ts";
import { ConfigSchema } from "../../src/settings.ts";
import { catalog, deadLetterTopic, eventNames, subjectOf, topicOf } from "../../src/core/catalog.ts";
import { journalSteps } from "../../src/core/journal.ts";
import { createRecordEncoder } from "../../src/core/record.ts";
import { failures, type FailureRule } from "../../src/core/result.ts";
import { exampleOf, explain } from "../../src/core/setting-formats.ts";
import { createMetrics } from "../../src/metrics.ts";
import { canonicalFixtures, schemaTypes } from "./fixtures.ts";
import { code, type Row, writeTable } from "./markdown.ts";
import { remedies } from "./remedies.ts";

export const prefix = "esign.";

/** In the words of the start-up message. */
const allowedFor = (name: keyof typeof ConfigSchema.properties): string => {
  const rule = ConfigSchema.properties[name];
  const line = explain({ name, secret: false, rule }, undefined);
  return line.slice(
    `${name} is required: `.length,
    line.lastIndexOf(`; for example ${name}=${exampleOf(rule)}`),
  );
};

const property = (rule: object, key: string): unknown =>
  Object.entries(rule).find(([name]) => name === key)?.[1];

const defaultOf = (name: (typeof settingNames)[number]): string => {
  const value = property(ConfigSchema.properties[name], "default");
  if (value === undefined) return ConfigSchema.required.some((one) => one === name) ? "required" : "";
  return code(typeof value === "string" ? value : JSON.stringify(value));
};

const settingRows = (): readonly Row[] =>
  settingNames.map((name) => [
    code(name) + (secretNames.includes(name) ? ` ${code(`${name}_FILE`)}` : ""),
    defaultOf(name),
    allowedFor(name),
    String(property(ConfigSchema.properties[name], "description")),
  ]);

const fateOf = (rule: FailureRule): string => {
  switch (rule.handling) {
    case "refuse":
      return `answered ${rule.status}`;
    case "hang-up":
      return "the connection is closed";
    case "retry":
      return `sent again for ever (${rule.scope})`;
    case "park":
      return "its topic waits apart";
    case "dead-letter":
      return "dead letter";
    case "fatal":
      return "ends the start";
  }
};

const failureRows = (): readonly Row[] =>
  Object.entries(remedies).map(([name, remedy]) => {
    const rule = Object.entries(failures).find(([other]) => other === name)?.[1];
    return [code(name), rule === undefined ? "" : fateOf(rule), remedy];
  });

const labelsOf = (metric: object): readonly string[] =>
  "labelNames" in metric && Array.isArray(metric.labelNames) ? metric.labelNames.map(String) : [];

/** Without those that prom-client brings. */
export const ownMetrics = createMetrics()
  .registry.getMetricsAsArray()
  .filter(({ name }) => name.startsWith("esign_bridge_"))
  .map((metric) => ({
    name: metric.name,
    help: metric.help,
    type: metric.constructor.name.toLowerCase(),
    labels: labelsOf(metric),
  }));

export const topicRows = (): readonly Row[] => [
  ...eventNames.map((name) => {
    const { apps, webhook, key, once } = catalog[name];
    const other = name === "unrecognized" ? "any other" : "–";
    const keyed = key ?? "envelopeId, taskId or none";
    return [name, apps ?? other, webhook ?? other, topicOf(name, prefix), keyed, once ? "yes" : "no"];
  }),
  ["–", "no callback", "no callback", prefix + deadLetterTopic, "event id", "no"],
];

const subjectRows = (): readonly Row[] =>
  eventNames.map((name) => [
    topicOf(name, prefix),
    subjectOf(topicOf(name, prefix)),
    `com.esignglobal.${catalog[name].topic}`,
    `${catalog[name].schema}.avsc`,
  ]);

export type Field = {
  readonly name: string;
  readonly type: unknown;
  readonly doc?: string;
  readonly default?: unknown;
};
export type RecordSchema = {
  readonly name: string;
  readonly doc?: string;
  readonly fields: readonly Field[];
};

const isRecord = (type: unknown): type is RecordSchema =>
  typeof type === "object" && type !== null && "type" in type && type.type === "record" && "fields" in type;

/** A schema's records, the outermost first, each once. */
export const recordsIn = (type: unknown): readonly RecordSchema[] => {
  if (Array.isArray(type)) return type.flatMap(recordsIn);
  if (isRecord(type)) return [type, ...type.fields.flatMap((field) => recordsIn(field.type))];
  return typeof type === "object" && type !== null && "items" in type ? recordsIn(type.items) : [];
};

const folder = join(import.meta.dirname, "..", "..", "schemas");
export const schemaFiles: readonly string[] = readdirSync(folder).toSorted();
export const readSchema = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), "utf8"));

const typeText = (type: unknown): string => {
  if (typeof type === "string") return type;
  if (Array.isArray(type)) return type.map(typeText).join(" or ");
  if (isRecord(type)) return type.name;
  if (typeof type !== "object" || type === null) return "";
  if ("items" in type) return `array of ${typeText(type.items)}`;
  return "logicalType" in type ? String(type.logicalType) : "";
};

const schemaText = (file: string): string =>
  recordsIn(readSchema(file))
    .map(({ name, doc, fields }) => {
      const rows = fields.map((field) => [code(field.name), typeText(field.type), field.doc ?? ""]);
      return `### ${name} (\`schemas/${file}\`)\n\n${doc ?? ""}\n\n${writeTable(["Field", "Type", "Meaning"], rows)}`;
    })
    .join("\n\n");

const headerRows = (): readonly Row[] => {
  const encode = createRecordEncoder({
    topicPrefix: prefix,
    sensitive: "mask",
    types: schemaTypes,
    schemaIdOf: () => 1,
  });
  const finished =
    canonicalFixtures.find(({ action }) => action === "ENVELOPE_FINISH")?.body ?? Buffer.alloc(0);
  const arrival = { eventId: "0".repeat(32), receivedAt: 0, source: "main", deadLetter: null };
  const rows = (where: string, body: Buffer): readonly Row[] => {
    const encoded = encode({ ...arrival, body });
    if (!encoded.ok) throw new Error(encoded.code);
    const { headers } = encoded.value.record;
    return Object.entries(headers).map(([name, value]) => [code(name), where, code(String(value))]);
  };
  return [...rows("event", finished), ...rows("dead letter", Buffer.from("{"))];
};

export const toReference = (): string => `# Reference

Written from the code by \`npm run docs\`: change the code, not this page.

## Settings

${writeTable(["Setting", "Default", "Takes", "Meaning"], settingRows())}

## Failures

${writeTable(["Code", "What becomes of it", "What to do"], failureRows())}

## Metrics

${writeTable(
  ["Metric", "Type", "Labels", "Meaning"],
  ownMetrics.map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(" "), help]),
)}

The \`reason\` of \`esign_bridge_journal_failures_total\`; the log line holds the system's code:

${writeTable(
  ["Step", "What it means"],
  Object.entries(journalSteps).map(([step, meaning]) => [code(step), meaning]),
)}

## Topics

${writeTable(["Event", "Apps callback", "Webhook", "Topic", "Key", "Once"], topicRows())}

${writeTable(["Topic", "Subject", "CloudEvents type", "Schema"], subjectRows())}

## Headers

An example of each, for a callback that came by the key \`main\`.

${writeTable(["Header", "Record", "Example"], headerRows())}

## Records

${schemaFiles.map(schemaText).join("\n\n")}
`;

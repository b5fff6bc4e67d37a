import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { secretNames, settingNames } from "../src/config.ts";
import { ConfigSchema } from "../src/settings.ts";
import { catalog, deadLetterTopic, eventNames, topicOf } from "../src/core/catalog.ts";
import { journalSteps } from "../src/core/journal.ts";
import { failures } from "../src/core/result.ts";
import { sensitiveFields } from "../src/core/redact.ts";
import { createTelemetry } from "../src/telemetry.ts";
import { textAt } from "./support/containerFiles.ts";
import { canonicalFixtures, dialects } from "./support/fixtures.ts";
import { code, readTable } from "./support/markdown.ts";
import {
  ownMetrics,
  prefix,
  readSchema,
  recordsIn,
  schemaFiles,
  toReference,
  topicRows,
} from "./support/reference.ts";
import { readYaml, type Yaml } from "./support/yaml.ts";

// Tables in the code, files beside it and what is written about them: each held against the other, in both directions.

const root = join(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const alertsFile = readFileSync(join(root, "deploy/alerts.yml"), "utf8");

const sorted = (texts: Iterable<string>): readonly string[] => [...new Set(texts)].toSorted();
const found = (text: string, pattern: RegExp): readonly string[] => sorted(text.match(pattern) ?? []);

test("every schema file belongs to an event, and every event to a schema file", () => {
  assert.deepEqual(schemaFiles, sorted(eventNames.map((event) => `${catalog[event].schema}.avsc`)));
});

for (const dialect of dialects) {
  test(`every action of the ${dialect} has one example with what it must become, and no example is left over`, () => {
    const actions = eventNames.flatMap(
      (event) => catalog[event][dialect === "webhook" ? "webhook" : "apps"] ?? [],
    );
    const files = readdirSync(join(root, "test/fixtures", dialect));
    assert.deepEqual(
      files.toSorted(),
      actions.flatMap((action) => [`${action}.expected.json`, `${action}.json`]).toSorted(),
    );
    const topics = canonicalFixtures
      .filter((fixture) => fixture.dialect === dialect)
      .map(({ action, expected }) => `${action} ${topicIn(expected)}`);
    const wanted = eventNames.flatMap((event) => {
      const action = catalog[event][dialect === "webhook" ? "webhook" : "apps"];
      return action === null ? [] : [`${action} ${topicOf(event, prefix)}`];
    });
    assert.deepEqual(sorted(topics), sorted(wanted));
  });
}

const topicIn = (expected: unknown): string =>
  typeof expected === "object" && expected !== null && "topic" in expected ? String(expected.topic) : "";

const common = ["eventId", "action", "dialect", "source", "receivedAt"];

for (const file of schemaFiles) {
  const records = recordsIn(readSchema(file));

  test(`P4: ${file} begins with the fields that all records share, in their order`, () => {
    const [outermost] = records;
    assert.deepEqual(
      outermost?.fields.slice(0, common.length).map(({ name }) => name),
      common,
    );
  });

  test(`every record and field of ${file} says what it means`, () => {
    for (const { name, doc, fields } of records) {
      assert.ok(doc !== undefined && doc !== "", name);
      for (const field of fields) assert.ok((field.doc ?? "").length > 10, `${name}.${field.name}`);
    }
  });

  test(`P4: what may be missing in ${file} is null by default, and nothing else is`, () => {
    for (const { name, fields } of records) {
      for (const field of fields) {
        const isNullable = Array.isArray(field.type);
        assert.equal("default" in field && field.default === null, isNullable, `${name}.${field.name}`);
        if (Array.isArray(field.type)) assert.equal(field.type[0], "null", `${name}.${field.name}`);
      }
    }
  });
}

test("P5: every sensitive field is a field of some schema", () => {
  const fields = schemaFiles.flatMap((file) =>
    recordsIn(readSchema(file)).flatMap((record) => record.fields),
  );
  for (const sensitive of sensitiveFields)
    assert.ok(
      fields.some(({ name }) => name === sensitive),
      sensitive,
    );
});

test("docs/reference.md is what the code says (npm run docs writes it anew)", (t) => {
  t.assert.fileSnapshot(toReference(), join(root, "docs/reference.md"), {
    serializers: [(text: unknown) => String(text).trimEnd()],
  });
});

test("the README's topics are those of the catalog", () => {
  const head = ["Event", "Apps callback", "Webhook", "Topic", "Key", "Once"];
  assert.deepEqual(readTable(readme, head), topicRows());
  const topics = [...eventNames.map((event) => topicOf(event, prefix)), prefix + deadLetterTopic];
  const named = found(readme, /(?<![\w/.])esign\.(?:[a-z]+[.-])*[a-z]+(?:-[a-z]+)*/g);
  assert.deepEqual(
    named.filter((topic) => !topics.includes(topic)),
    [],
  );
});

test("the README's metrics are those that there are, with their labels and words", () => {
  const rows = ownMetrics.map(({ name, labels, help }) => [code(name), labels.map(code).join(" "), help]);
  assert.deepEqual(readTable(readme, ["Metric", "Labels", "Meaning"]), rows);
});

test("README, alerts and reference name no metric that does not exist", () => {
  const known = ownMetrics.map(({ name }) => name);
  const named = found(readme + alertsFile, /esign_bridge_[a-z_]+/g);
  assert.deepEqual(
    named.filter(
      (name) => !known.includes(name.replace(/_(?:bucket|sum|count)$/, "")) && !known.includes(name),
    ),
    [],
  );
});

const rulesOf = (value: Yaml): readonly Yaml[] => {
  if (Array.isArray(value)) return value.flatMap(rulesOf);
  if (typeof value !== "object" || value === null) return [];
  return "alert" in value ? [value] : Object.values(value).flatMap(rulesOf);
};

test("the README's alerts are those of deploy/alerts.yml", () => {
  const alerts = rulesOf(readYaml(alertsFile)).map((rule) =>
    ["alert", "expr"].map((key) => code(textAt(rule, key))),
  );
  assert.deepEqual(readTable(readme, ["Alert", "PromQL"]), alerts);
});

test("alerts look for failures that there are", () => {
  for (const [, choice = ""] of alertsFile.matchAll(/reason=~"([^"]+)"/g)) {
    for (const pattern of choice.split("|")) {
      assert.ok(
        Object.keys(failures).some((failure) => new RegExp(`^(?:${pattern})$`).test(failure)),
        pattern,
      );
    }
  }
});

test("the README explains every status that a refusal has, and no other", () => {
  const statuses = Object.values(failures).flatMap((rule) =>
    rule.handling === "refuse" ? [`${rule.status}`] : [],
  );
  const explained = readTable(readme, ["Status", "Cause", "Remedy"]).map(([status = ""]) => status);
  assert.deepEqual(explained, sorted(statuses));
});

test("the README names settings that there are, and every one that is required", () => {
  const known: readonly string[] = [...settingNames, ...secretNames.map((name) => `${name}_FILE`)];
  const actions = eventNames.flatMap((event) => [catalog[event].apps, catalog[event].webhook]);
  const named = found(readme, /(?<![\w.-])[A-Z]+(?:_[A-Z]+)+(?![\w])/g).filter(
    (name) => !actions.some((a) => a === name),
  );
  assert.deepEqual(
    named.filter((name) => !known.includes(name)),
    [],
  );
  const required = ConfigSchema.required.filter((name) => !("default" in ConfigSchema.properties[name]));
  for (const name of required) assert.ok(readme.includes(code(name)), name);
});

test("P8: what alerts look for is there from the start, as a zero, so that the first one counts as an increase", async () => {
  const telemetry = createTelemetry(pino({ level: "silent" }), "0", Date.now);
  const text = await telemetry.exposition({ pendingRecords: 0, oldestPendingAt: null, bytes: 0 });
  for (const [reason, { handling }] of Object.entries(failures)) {
    if (handling !== "refuse" && handling !== "dead-letter") continue;
    const counter = handling === "refuse" ? "callbacks_refused_total" : "dead_letters_total";
    assert.ok(text.includes(`esign_bridge_${counter}{reason="${reason}"} 0\n`), reason);
  }
  for (const step of Object.keys(journalSteps))
    assert.ok(text.includes(`esign_bridge_journal_failures_total{reason="${step}"} 0\n`), step);
  assert.ok(text.includes("esign_bridge_journal_damaged_total 0\n"));
});

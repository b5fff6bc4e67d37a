import assert from "node:assert/strict";
import { test } from "node:test";
import {
  catalog,
  deadLetterTopic,
  type Dialect,
  eventNamed,
  eventNames,
  subjectOf,
  topicOf,
} from "../../src/core/catalog.ts";
import { canonicalFixtures, dialects, schemaTypes, variantFixtures } from "../support/fixtures.ts";

const actionsOf = (dialect: Dialect): readonly string[] =>
  eventNames.flatMap((name) => catalog[name][dialect === "webhook" ? "webhook" : "apps"] ?? []);

test("P3: every topic has one event, and none is that of the dead letters", () => {
  const topics = [...eventNames.map((name) => topicOf(name, "esign.")), `esign.${deadLetterTopic}`];
  assert.equal(new Set(topics).size, topics.length);
  assert.equal(topicOf("envelope-finished", "esign."), "esign.envelope.finished");
  assert.equal(subjectOf("esign.envelope.finished"), "esign.envelope.finished-value");
});

for (const dialect of dialects) {
  test(`P3: every action of the ${dialect} names one event`, () => {
    const actions = actionsOf(dialect);
    assert.equal(new Set(actions).size, actions.length);
    assert.equal(new Set(actions.map((action) => eventNamed(dialect, action))).size, actions.length);
  });

  test(`P3: an action of the ${dialect} is known in any case and spacing`, () => {
    for (const action of actionsOf(dialect)) {
      const event = eventNamed(dialect, action);
      assert.notEqual(event, "unrecognized");
      assert.equal(eventNamed(dialect, action.toLowerCase()), event);
      assert.equal(eventNamed(dialect, ` ${action.replaceAll("_", " ")} `), event);
      assert.equal(eventNamed(dialect, action.replaceAll("_", "")), event);
    }
  });

  test(`the ${dialect} has a fixture for every action, and none for any other`, () => {
    const fixtures = canonicalFixtures.filter((fixture) => fixture.dialect === dialect);
    assert.deepEqual(
      fixtures.map(({ action }) => action).toSorted((one, other) => one.localeCompare(other)),
      actionsOf(dialect).toSorted((one, other) => one.localeCompare(other)),
    );
  });
}

test("P3: any other action is unrecognized, also one of the other dialect", () => {
  assert.equal(eventNamed("apps-callback", "ENVELOPE_TRANSFERRED"), "unrecognized");
  assert.equal(eventNamed("apps-callback", ""), "unrecognized");
  assert.equal(eventNamed("apps-callback", "constructor"), "unrecognized");
  assert.equal(eventNamed("webhook", "ENVELOPE_DECLINED"), "unrecognized");
  assert.equal(eventNamed("apps-callback", "SIGNER_DECLINED"), "unrecognized");
});

test("a variant is one of a fixture that exists", () => {
  for (const { action, dialect, variant } of variantFixtures) {
    assert.ok(actionsOf(dialect).includes(action), `${action}.${variant}`);
    assert.notEqual(variant, "");
  }
});

test("P4: every event has a schema, and every schema an event", () => {
  const used = new Set<string>(eventNames.map((name) => catalog[name].schema));
  assert.deepEqual([...used].toSorted(), Object.keys(schemaTypes).toSorted());
});

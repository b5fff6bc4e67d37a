import assert from "node:assert/strict";
import { test } from "node:test";
import { fail, failures, ok } from "../../src/core/result.ts";

const refusals = Object.entries(failures).filter(([, { handling }]) => handling === "refuse");

test("a success holds its value, a failure its code and a detail", () => {
  assert.deepEqual(ok(0), { ok: true, value: 0 });
  assert.deepEqual(fail("closing"), { ok: false, code: "closing", detail: "" });
  assert.deepEqual(fail("topic-missing", "which"), { ok: false, code: "topic-missing", detail: "which" });
});

test("what a sender is refused for has a status that says whose fault it is, and 503 is the only one of ours", () => {
  assert.ok(refusals.length > 0);
  for (const [code, rule] of refusals) {
    assert.ok("status" in rule, code);
    assert.ok(rule.status === 503 || (rule.status >= 400 && rule.status < 500), code);
  }
});

test("P5: whoever is not admitted is told 401 for every reason, so that the answer does not help to guess", () => {
  for (const [code, rule] of refusals) {
    if (/^(?:signature|token|timestamp)-/.test(code))
      assert.ok("status" in rule && rule.status === 401, code);
  }
});

test("codes are words that a label, a header and a log line can carry", () => {
  for (const code of Object.keys(failures)) assert.match(code, /^[a-z]+(?:-[a-z]+)*$/);
});

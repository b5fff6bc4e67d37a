import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { present, verdict } from "../support/admission.ts";

const basicUsers = [
  { name: "one", secret: "first:password" },
  { name: "two", secret: "zweites Paßwort" },
];
const rules = { auth: ["basic"], basicUsers } as const;
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const by = (authorization: string) => present({ headers: { authorization } });
const basic = (pair: string) => by(`Basic ${base64(pair)}`);

test("P5: user and password of Basic authentication admit, and the user is the source", () => {
  for (const { name, secret } of basicUsers) {
    assert.equal(verdict(rules, basic(`${name}:${secret}`)), `ok ${name}`);
    assert.equal(verdict(rules, by(`basic  ${base64(`${name}:${secret}`)}`)), `ok ${name}`);
  }
});

test("P5: a wrong user, another's password, or a part of one is refused", () => {
  for (const pair of [
    "one:zweites Paßwort",
    "two:first:password",
    "one:first",
    "one:first:password ",
    "One:first:password",
    "one:",
    "one",
    ":first:password",
    "onefirst:password",
  ])
    assert.equal(verdict(rules, basic(pair)), "basic-mismatch", pair);
  const latin1 = Buffer.from("two:zweites Paßwort", "latin1").toString("base64");
  assert.equal(verdict(rules, by(`Basic ${latin1}`)), "basic-mismatch");
});

test("P5: what is no Basic authentication is missing", () => {
  for (const text of [
    "Bearer abc",
    "Basic",
    "Basic ",
    "Basic a b",
    `Basic${base64("one:first:password")}`,
    "Basic %%",
  ])
    assert.equal(verdict(rules, by(text)), "basic-missing", text);
  assert.equal(verdict(rules, present({ query: "token=first:password" })), "basic-missing");
});

test("P5: any other header never admits", () => {
  const right = `Basic ${base64("one:first:password")}`;
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `Basic ${base64(text)}`),
      ),
      (text) => {
        fc.pre(text !== right);
        assert.match(verdict(rules, by(text)), /^basic-(?:missing|mismatch)$/);
      },
    ),
  );
});

test("P5: with a token beside it both must pass: one in the address, one in the header", () => {
  const both = {
    auth: ["token", "basic"],
    basicUsers,
    tokens: [{ name: "hook", secret: "to-ken" }],
  } as const;
  const given = { ...basic("one:first:password"), pathToken: "to-ken" };
  assert.equal(verdict(both, given), "ok hook");
  assert.equal(verdict(both, { ...given, pathToken: null }), "token-missing");
  assert.equal(verdict(both, present({ pathToken: "to-ken" })), "basic-missing");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Environment } from "../src/config.ts";
import { createAdmission } from "../src/core/signature.ts";
import { hmacKeys as key, least, loadedFrom, problemsOf } from "./support/settings.ts";

const custom = { HMAC_SCHEME: "custom", HMAC_SIGNATURE_HEADER: "X-Sign", HMAC_TIMESTAMP_HEADER: "X-Time" };
const standard = { HMAC_SCHEME: "standard-webhooks", HMAC_KEYS: `main:whsec_${"A".repeat(32)}` };

test("a recipe of one's own is read, with its defaults", () => {
  const { config, warnings } = loadedFrom(custom);
  assert.deepEqual(warnings, []);
  assert.deepEqual(config.hmacScheme, {
    algorithm: "sha256",
    signatureHeader: "x-sign",
    timestampHeader: "x-time",
    idHeader: null,
    message: "{timestamp}{query}{body}",
    prefix: "",
    several: false,
    encoding: "any",
    keyEncoding: "text",
  });
  const other = loadedFrom({
    ...custom,
    HMAC_TIMESTAMP_HEADER: "",
    HMAC_MESSAGE: String.raw`{query}\n{body}`,
    HMAC_SIGNATURE_PREFIX: "HMAC ",
    HMAC_KEY_ENCODING: "hex",
    HMAC_ALGORITHM: "sha512",
    HMAC_ENCODING: "base64",
  });
  assert.deepEqual(other.config.hmacScheme, {
    algorithm: "sha512",
    signatureHeader: "x-sign",
    timestampHeader: null,
    idHeader: null,
    message: "{query}\n{body}",
    prefix: "HMAC ",
    several: false,
    encoding: "base64",
    keyEncoding: "hex",
  });
  for (const env of [custom, standard, {}]) createAdmission(loadedFrom(env).config);
});

test("users of Basic authentication are read, their passwords with every letter but the comma", () => {
  const users = "main:pass:word with spaces, old:0123456789abcdef";
  const { config, warnings } = loadedFrom({ AUTH: "basic", BASIC_USERS: users, HMAC_KEYS: "" });
  assert.deepEqual(warnings, []);
  assert.deepEqual(config.auth, ["basic"]);
  assert.deepEqual(config.basicUsers, [
    { name: "main", secret: "pass:word with spaces" },
    { name: "old", secret: "0123456789abcdef" },
  ]);
  assert.deepEqual(loadedFrom({ AUTH: "hmac,basic,hmac", BASIC_USERS: users }).config.auth, [
    "hmac",
    "basic",
  ]);
  assert.equal(loadedFrom({}).config.capture, false);
});

/** What is set beside the least, and the one line expected. */
const faults: readonly (readonly [Environment, RegExp])[] = [
  [{ AUTH: "basic" }, /^BASIC_USERS is required by AUTH=basic: .*for example BASIC_USERS=main:<password>$/],
  [{ AUTH: "basic", BASIC_USERS: "s3cret" }, /^BASIC_USERS is wrong in entry 1, which has no ':'/],
  [{ AUTH: "basic", BASIC_USERS: "a:b,a:c" }, /^BASIC_USERS has the same name in entries 1 and 2/],
  [{ ...custom, HMAC_SIGNATURE_HEADER: "" }, /^HMAC_SIGNATURE_HEADER is required by HMAC_SCHEME=custom/],
  [{ ...custom, HMAC_TIMESTAMP_HEADER: "" }, /^HMAC_TIMESTAMP_HEADER is required by the \{timestamp\}/],
  [{ ...custom, HMAC_SIGNATURE_HEADER: "X Sign" }, /^HMAC_SIGNATURE_HEADER .*the name of an HTTP header/],
  [{ ...custom, HMAC_MESSAGE: "{timestamp}" }, /^HMAC_MESSAGE .*has no \{body\}/],
  [{ ...custom, HMAC_MESSAGE: "{id}{body}" }, /^HMAC_MESSAGE .*unknown in braces/],
  [{ ...custom, HMAC_MESSAGE: "{body}{body}" }, /^HMAC_MESSAGE .*twice/],
  [{ ...custom, HMAC_ALGORITHM: "md5" }, /^HMAC_ALGORITHM .*one of sha256, sha512;/],
  [{ ...custom, HMAC_ENCODING: "base32" }, /^HMAC_ENCODING .*one of any, hex, base64;/],
  [{ ...custom, HMAC_KEY_ENCODING: "utf8" }, /^HMAC_KEY_ENCODING .*one of text, hex, base64;/],
  [{ ...custom, HMAC_SIGNATURE_PREFIX: "é=" }, /^HMAC_SIGNATURE_PREFIX /],
  [
    { ...custom, HMAC_KEY_ENCODING: "hex", HMAC_KEYS: `${key},b:s3cret` },
    /^HMAC_KEYS is wrong in entry 2, whose key is no hex, which HMAC_KEY_ENCODING asks for; for example/,
  ],
  [
    { ...custom, HMAC_KEY_ENCODING: "base64", HMAC_KEYS: "a:s3cret!" },
    /^HMAC_KEYS is .* entry 1, .*no base64/,
  ],
  [{ ...standard, HMAC_KEYS: "a:whsec_s3cret!" }, /^HMAC_KEYS is wrong in entry 1, whose key is no base64/],
  [
    { ...custom, HMAC_MESSAGE: "{body}", HMAC_TIMESTAMP_HEADER: "", HMAC_MAX_AGE_MS: "18000000" },
    /^HMAC_MAX_AGE_MS needs a \{timestamp\} in HMAC_MESSAGE/,
  ],
  [{ CAPTURE: "yes" }, /^CAPTURE \("yes"\) is not allowed: one of off, on;/],
];
for (const [env, expected] of faults)
  test(`fault: ${JSON.stringify(env).slice(0, 110)}`, () => {
    const problems = problemsOf({ ...least, ...env });
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0] ?? "", expected);
    assert.ok(!/\n|s3c|0123456789/.test(problems.join()), "P5: one line, without the secret");
  });

const doubts: readonly (readonly [Environment, RegExp])[] = [
  [
    { AUTH: "basic", BASIC_USERS: "main:short", HMAC_KEYS: "" },
    /BASIC_USERS: the secret named main has fewer/,
  ],
  [{ BASIC_USERS: "main:0123456789abcdef" }, /BASIC_USERS is set, and AUTH does not name basic/],
  [{ HMAC_ENCODING: "hex" }, /HMAC_ENCODING is set, and HMAC_SCHEME is not custom: it is not looked at/],
  [{ ...standard, HMAC_MAX_AGE_MS: "300000" }, /HMAC_MAX_AGE_MS is shorter than eSignGlobal's retries/],
  [{ ...custom, HMAC_MAX_AGE_MS: "17140999" }, /HMAC_MAX_AGE_MS is shorter than eSignGlobal's retries/],
  [{ ...custom, HMAC_MESSAGE: "{body}" }, /HMAC_TIMESTAMP_HEADER is set, and HMAC_MESSAGE has no/],
  [{ CAPTURE: "on" }, /^CAPTURE is on: names and shapes of what arrives are logged/],
  [{ BASIC_USER: "a" }, /^BASIC_USER is not a setting; did you mean BASIC_USERS\?$/],
];
for (const [env, expected] of doubts)
  test(`warning: ${JSON.stringify(env).slice(0, 110)}`, () => {
    const { warnings } = loadedFrom(env);
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0] ?? "", expected);
  });

test("a log level that hides the lines of capture mode is told", () => {
  const { warnings } = loadedFrom({ CAPTURE: "on", LOG_LEVEL: "error" });
  assert.equal(warnings.length, 2, "and the first is hidden by it too, as the operator wished");
  assert.match(warnings[1] ?? "", /LOG_LEVEL hides its lines: use LOG_LEVEL=info/);
});

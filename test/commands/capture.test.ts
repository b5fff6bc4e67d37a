import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { freePorts } from "../../local/ports.ts";
import { vectors } from "../support/admission.ts";
import { jsonLines, type Ran, runMain } from "../support/commands.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { openBridgeProcess } from "../support/openBridge.ts";
import { textOf } from "../support/process.ts";

type Given = { readonly body: string; readonly headers: string; readonly secret: string };

const tryOn = async (t: TestContext, given: Given, ...more: string[]): Promise<Ran> => {
  const directory = await newDirectory(t);
  const paths = { body: join(directory, "b"), headers: join(directory, "h"), secret: join(directory, "s") };
  await writeFile(paths.body, given.body);
  await writeFile(paths.headers, given.headers);
  await writeFile(paths.secret, given.secret);
  const files = ["--body", paths.body, "--headers", paths.headers, "--secret-file", paths.secret];
  const ran = await runMain(["capture", "try", ...files, ...more]);
  assert.ok(!(ran.out + ran.err).includes(given.secret.trim()), "P5: the secret is never shown");
  return ran;
};

const [, vector] = vectors;
assert.ok(vector !== undefined);
const query = new URLSearchParams(vector.query).toString();
const tsign: Given = {
  body: vector.body,
  secret: `${vector.secret}\n`,
  headers: [
    `POST /callback?${query} HTTP/1.1`,
    "Host: bridge",
    `X-Tsign-Open-TIMESTAMP: ${vector.timestamp}`,
    `X-Tsign-Open-SIGNATURE: ${vector.base64}`,
  ].join("\r\n"),
};

test("capture try: a delivery signed as tsign is told with its settings, and the exit code is 0", async (t) => {
  const ran = await tryOn(t, tsign);
  assert.equal(ran.err, "");
  assert.deepEqual(ran.out.split("\n"), [
    "looks like a signature: x-tsign-open-signature (Base64 44)",
    "match: x-tsign-open-signature is base64 of HMAC-SHA256 over {timestamp}{query}{body}, the key as text",
    "  timestamp: x-tsign-open-timestamp",
    "  AUTH=hmac",
    "  HMAC_SCHEME=tsign",
    "  HMAC_KEYS='name:<the secret>'",
    "",
  ]);
  assert.equal(ran.code, 0);
  const named = await tryOn(t, { ...tsign, secret: `hook:${vector.secret},old:another-secret` });
  assert.equal(named.code, 0, "the file of HMAC_KEYS serves as well");
});

test("capture try: --query and --json; lines as curl prints them", async (t) => {
  const headers = tsign.headers
    .split("\r\n")
    .slice(1)
    .map((line) => `> ${line}`);
  const given = { ...tsign, headers: headers.join("\n") };
  for (const text of [query, `?${query}`]) {
    const ran = await tryOn(t, given, "--json", "--query", text);
    assert.equal(ran.code, 0, ran.out + ran.err);
    const [found] = jsonLines(ran);
    assert.ok(Array.isArray(found?.["matches"]) && found["matches"].length === 1);
    assert.equal(found["matches"][0].settings.HMAC_SCHEME, "tsign");
  }
  assert.equal((await tryOn(t, given)).code, 1, "without the query the message is another");
});

test("capture try: a recipe of its own is told as a shell takes it, and a body that is not raw is marked", async (t) => {
  const compact = '{"a":1}';
  const secret = Buffer.from("0123456789abcdef").toString("hex");
  const signature = createHmac("sha512", Buffer.from(secret, "hex"))
    .update(`1713508339\n${compact}`)
    .digest("hex");
  const headers = `X-Time: 1713508339\nX-Sign: sha512=${signature}\n`;
  const ran = await tryOn(t, { body: '{ "a": 1 }', headers, secret });
  assert.equal(ran.code, 0);
  assert.match(ran.out, /note: the body must be raw: signed was compact JSON, and not these bytes/);
  for (const setting of [
    "HMAC_SCHEME=custom",
    "HMAC_ALGORITHM=sha512",
    "HMAC_SIGNATURE_HEADER=x-sign",
    "HMAC_TIMESTAMP_HEADER=x-time",
    String.raw`HMAC_MESSAGE='{timestamp}\n{body}'`,
    "HMAC_SIGNATURE_PREFIX=sha512=",
    "HMAC_ENCODING=hex",
    "HMAC_KEY_ENCODING=hex",
  ])
    assert.ok(ran.out.includes(`  ${setting}\n`), `${setting}\n${ran.out}`);
});

test("capture try: no match is told with what was looked at, and the exit code is 1", async (t) => {
  const wrong = await tryOn(t, { ...tsign, secret: "another-secret-of-16-bytes" });
  assert.equal(wrong.code, 1);
  assert.match(
    wrong.out,
    /^looks like a signature: x-tsign-open-signature \(Base64 44\)\nno match in \d+ tries: /,
  );
  const none = await tryOn(t, { ...tsign, headers: "Host: bridge" });
  assert.equal(none.code, 1);
  assert.match(none.out, /^no match: none of the headers looks like a signature/);
});

test("capture: wrong arguments are told with an example and exit code 2, a missing file with 1", async () => {
  for (const args of [
    ["capture", "all"],
    ["capture", "try"],
    ["capture", "try", "--body", "b", "--headers", "h"],
    ["capture", "try", "--body", "b", "--headers", "h", "--secret-file", "s", "more"],
    ["capture", "try", "--secret", "s"],
    ["capture", "listen"],
    ["capture", "listen", "--port", "99999", "--out", "d"],
    ["capture", "listen", "--port", "8090"],
  ]) {
    const { code, out, err } = await runMain(args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(out, "");
    assert.match(err, /\nfor example: node src\/main\.ts capture (?:try|listen) .*\n.*capture help\n$/);
  }
  const gone = await runMain([
    "capture",
    "try",
    "--body",
    "/no/b",
    "--headers",
    "/no/h",
    "--secret-file",
    "/no/s",
  ]);
  assert.equal(gone.code, 1);
  assert.match(gone.err, /^capture try: ENOENT: no such file or directory, open '\/no\/.'\n$/);
  const help = await runMain(["capture", "help"]);
  assert.deepEqual([help.code, help.err], [0, ""]);
  assert.match(
    help.out,
    / try --body FILE --headers FILE --secret-file FILE\n[^]* listen --port N --out DIR /,
  );
});

test("capture listen: takes the first POST as it came, for capture try, and answers so that it comes again", async (t) => {
  const [port = 0] = await freePorts(1);
  const out = join(await newDirectory(t), "delivery");
  const listening = runMain(["capture", "listen", "--port", String(port), "--out", out]);
  const address = `http://127.0.0.1:${port}/callback?${query}`;
  const check = await eventually(() => fetch(address).catch(() => false));
  assert.ok(check instanceof Response && check.status === 405, "a health check is no delivery");
  const timestamp = { "X-Tsign-Open-TIMESTAMP": vector.timestamp };
  const headers = { ...timestamp, "X-Tsign-Open-SIGNATURE": vector.hex };
  const answer = await fetch(address, { method: "POST", headers, body: vector.body });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "10");
  const listened = await listening;
  assert.equal(listened.code, 0, listened.err);
  assert.ok(!listened.out.includes(vector.hex));
  for (const name of ["body", "headers"]) assert.equal((await stat(join(out, name))).mode & 0o777, 0o600);
  assert.deepEqual(await readFile(join(out, "body")), Buffer.from(vector.body));

  const key = join(await newDirectory(t), "key");
  await writeFile(key, vector.secret);
  const files = ["--body", join(out, "body"), "--headers", join(out, "headers"), "--secret-file", key];
  const tried = await runMain(["capture", "try", ...files]);
  assert.equal(tried.code, 0, tried.out + tried.err);
  assert.match(tried.out, /HMAC_SCHEME=tsign/);

  const again = await runMain(["capture", "listen", "--port", String(port), "--out", out]);
  assert.equal(again.code, 1);
  assert.match(again.err, /^capture listen: EEXIST/);
});

test("P5: a bridge in capture mode warns at its start, and tells of each delivery names and shapes only", async (t) => {
  const [broker, registry] = await freePorts(2);
  const token = "0pen-sesame-0pen-sesame";
  const bridge = await openBridgeProcess(t, {
    AUTH: "token",
    TOKENS: `hook:${token}`,
    CAPTURE: "on",
    JOURNAL_DIR: await newDirectory(t),
    KAFKA_BROKERS: `127.0.0.1:${broker}`,
    SCHEMA_REGISTRY_URL: `http://127.0.0.1:${registry}`,
    ACK_AFTER: "stored",
    SHUTDOWN_TIMEOUT_MS: "100",
  });
  const warnings = bridge.lines.filter(
    ({ level, msg }) => level === 40 && String(msg).startsWith("CAPTURE is on"),
  );
  assert.equal(warnings.length, 1, textOf(bridge));
  const post = async (path: string, headers: Record<string, string>): Promise<number> => {
    const init = { method: "POST", headers, body: tsign.body };
    return (await fetch(`http://127.0.0.1:${bridge.port}${path}`, init)).status;
  };
  const headers = { "x-tsign-open-signature": vector.hex, "x-tsign-open-timestamp": vector.timestamp };
  assert.equal(await post(`/callback/${token}?orderNo=s3cret-order`, headers), 200);
  assert.equal(await post("/callback/0pen-sesame-wr0ng-sesame", { authorization: `Bearer ${token}x` }), 401);
  const captured = await eventually(() => {
    const found = bridge.lines.filter(({ msg }) => String(msg).startsWith("captured"));
    assert.equal(found.length, 2, textOf(bridge));
    return found;
  });
  assert.deepEqual(
    captured.map(({ outcome, path }) => [outcome, path]),
    [
      ["stored", "/callback/<text 23>"],
      ["token-mismatch", "/callback/<text 24>"],
    ],
  );
  assert.ok(JSON.stringify(captured[0]).includes("x-tsign-open-signature: hex 64"));
  assert.equal(await bridge.end("SIGTERM"), 0);
  const all = textOf(bridge);
  for (const value of [token, "0pen-sesame", "s3cret-order", vector.hex, vector.timestamp, "ENVELOPE_FINISH"])
    assert.ok(!all.includes(value), value);
});

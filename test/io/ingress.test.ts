import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { type AdmittedBody, createAdmission } from "../../src/core/signature.ts";
import { fail, type Refusal } from "../../src/core/result.ts";
import type { IngressOptions } from "../../src/io/ingress/ingress.ts";
import { eventually } from "../support/eventually.ts";
import { accepts, answersIn, exchangeRaw, openRaw, openTestIngress } from "../support/ingress.ts";
import { postOf, requestOf } from "../support/ingress.ts";
import { hmacSecret, signed } from "../support/sender.ts";

const close = "Connection: close";
const exactly = '{"code":"200","msg":"success"}';
const noRules = { hmacKeys: [], hmacScheme: "tsign", hmacMaxAgeMs: 0, tokens: [], basicUsers: [] } as const;
const byToken = createAdmission({
  ...noRules,
  auth: ["token"],
  tokens: [{ name: "hook", secret: "to-ken" }],
});
const byHmac = createAdmission({
  ...noRules,
  auth: ["hmac"],
  hmacKeys: [{ name: "main", secret: hmacSecret }],
});

/** Takes what is accepted down. */
const collector = () => {
  const taken: AdmittedBody[] = [];
  const accept: IngressOptions["accept"] = (admitted, msLeft) => {
    taken.push(admitted);
    return accepts(admitted, msLeft);
  };
  return { taken, accept };
};

test("an accepted callback is answered with the 30 bytes that the sender asks for", async (t) => {
  const { port } = await openTestIngress(t);
  const answer = await exchangeRaw(t, port, postOf("{}", close));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(answer, /\r\ncontent-type: application\/json\r\n/i);
  assert.match(answer, /\r\ncontent-length: 30\r\n/i);
  assert.ok(answer.endsWith(`\r\n\r\n${exactly}`), answer);
});

const tooLong = "x".repeat(1001);
const chunked = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const post = "POST /callback HTTP/1.1";
type Row = readonly [name: string, request: string, status: number, code: Refusal];
const refusals: readonly Row[] = [
  ["another path", requestOf("POST /other HTTP/1.1", ["Content-Length: 0", close]), 404, "path-unknown"],
  ["a path below", requestOf("POST /callback/x HTTP/1.1", [close]), 404, "path-unknown"],
  ["GET", requestOf("GET /callback HTTP/1.1", [close]), 405, "method-not-allowed"],
  ["HEAD", requestOf("HEAD /callback HTTP/1.1", [close]), 405, "method-not-allowed"],
  ["OPTIONS", requestOf("OPTIONS /callback?a=1 HTTP/1.1", [close]), 405, "method-not-allowed"],
  ["PUT", requestOf("PUT /callback HTTP/1.1", ["Content-Length: 2", close], "{}"), 405, "method-not-allowed"],
  ["QUERY", requestOf("QUERY /callback HTTP/1.1", ["Content-Length: 0", close]), 405, "method-not-allowed"],
  ["CONNECT", requestOf("CONNECT bridge:80 HTTP/1.1", []), 405, "method-not-allowed"],
  ["PURGE", requestOf("PURGE /callback HTTP/1.1", [close]), 405, "method-not-allowed"],
  ["a body over the limit", postOf(tooLong, close), 413, "body-too-large"],
  [
    "a chunked body over the limit",
    requestOf(post, ["Transfer-Encoding: chunked", close], chunked(tooLong)),
    413,
    "body-too-large",
  ],
  ["gzip", postOf("{}", "Content-Encoding: gzip", close), 415, "encoding-unsupported"],
  ["a broken address", requestOf("POST /%zz HTTP/1.1", [close]), 400, "request-malformed"],
  ["a broken request line", "HELLO\r\n\r\n", 400, "request-malformed"],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "request-malformed"],
  ["headers without end", requestOf(post, [`X: ${"y".repeat(20_000)}`]), 431, "headers-too-large"],
  ["two lengths", postOf("{}", "Content-Length: 3"), 400, "request-malformed"],
  ["a broken chunk", requestOf(post, ["Transfer-Encoding: chunked"], "zz\r\n"), 400, "request-malformed"],
];
for (const [name, request, status, code] of refusals)
  test(`P8: ${name} is refused with ${status} and counted once as ${code}`, async (t) => {
    const { port, metrics } = await openTestIngress(t);
    const answer = await exchangeRaw(t, port, request);
    assert.deepEqual(answersIn(answer), [status], answer);
    assert.match(answer, /\r\ncontent-type: application\/json\r\n/i);
    const body = name === "HEAD" ? "" : JSON.stringify({ code: String(status), msg: code });
    assert.equal(answer.slice(answer.indexOf("\r\n\r\n") + 4), body);
    assert.equal(/\r\nallow: POST\r\n/i.test(answer), status === 405);
    assert.ok(!/retry-after/i.test(answer));
    await eventually(async () => {
      const counted = await metrics();
      assert.equal(counted.sum("callbacks_in_flight"), 0);
      assert.equal(counted.sum("callbacks_refused_total", { reason: code }), 1);
      assert.equal(counted.sum("callbacks_refused_total"), 1);
      assert.equal(counted.sum("callbacks_acknowledged_total"), 0);
    });
  });

const kept = ["journal-full", "journal-failed", "deadline-passed"] as const;
for (const code of kept)
  test(`P8: ${code} is a 503 that says when to try again, and nothing else`, async (t) => {
    const accept = () => Promise.resolve(fail(code, "a detail for the operator"));
    const { port, metrics } = await openTestIngress(t, { accept });
    const answer = await exchangeRaw(t, port, postOf("{}", close));
    assert.match(answer, /^HTTP\/1\.1 503 /);
    assert.match(answer, /\r\nretry-after: \d+\r\n/i);
    assert.ok(answer.endsWith(`\r\n\r\n{"code":"503","msg":"${code}"}`), answer);
    assert.equal((await metrics()).sum("callbacks_refused_total", { reason: code }), 1);
  });

const refusedSenders: readonly Refusal[] = [
  "signature-missing",
  "signature-mismatch",
  "timestamp-outside-window",
  "token-missing",
  "token-mismatch",
];
for (const code of refusedSenders)
  test(`P5: ${code} is a 401 that does not say why, and nothing is accepted`, async (t) => {
    const { taken, accept } = collector();
    const { port, metrics } = await openTestIngress(t, { accept, admit: createRefusal(code) });
    const answer = await exchangeRaw(t, port, postOf('{"accessCode":"482913"}', close));
    assert.ok(answer.endsWith('\r\n\r\n{"code":"401","msg":"unauthenticated"}'), answer);
    const counted = await metrics();
    assert.equal(counted.sum("callbacks_refused_total", { reason: code }), 1);
    assert.equal(counted.sum("callbacks_received_total"), 0);
    assert.deepEqual(taken, []);
  });
const createRefusal = (code: Refusal): IngressOptions["admit"] => {
  const admission = createAdmission({ ...noRules, auth: ["token"], tokens: [] });
  return (presented, now) => {
    const refused = admission(presented, now);
    assert.ok(!refused.ok);
    return Object.assign(refused, { code });
  };
};

test("P5: no answer repeats a secret or a payload", async (t) => {
  const { port } = await openTestIngress(t, { admit: byToken, tokenInPath: true });
  const secrets = ["Authorization: Bearer s3cret", "X-Tsign-Open-Signature: s3cret", "Cookie: s3cret"];
  const requests = [
    postOf('{"accessCode":"s3cret"}', ...secrets, close),
    requestOf("POST /callback/s3cret HTTP/1.1", [close]),
    requestOf("POST /callback?token=s3cret HTTP/1.1", [close]),
    requestOf("GET /callback/s3cret HTTP/1.1", [close]),
    requestOf("POST /s3cret/%zz HTTP/1.1", [close]),
    requestOf(`POST /callback/${"s3cret".repeat(300)} HTTP/1.1`, [close]),
    "POST s3cret\r\n\r\n",
  ];
  for (const request of requests) {
    const answer = await exchangeRaw(t, port, request);
    assert.match(answer, /^HTTP\/1\.1 4\d\d /, request);
    assert.ok(!answer.includes("s3cret"), answer);
  }
});

/** Each gives the same body, sent in one more way. */
const sameBody: readonly (readonly [name: string, request: string])[] = [
  ["with its length", postOf("{ }", close)],
  ["in chunks", requestOf(post, ["Transfer-Encoding: chunked", close], "1\r\n{\r\n2\r\n }\r\n0\r\n\r\n")],
  ["as text", postOf("{ }", "Content-Type: text/plain; charset=latin1", close)],
  ["under a broken content type", postOf("{ }", "Content-Type: ///", close)],
  ["under the encoding identity", postOf("{ }", "Content-Encoding: Identity", close)],
  ["by HTTP/1.0", "POST /callback HTTP/1.0\r\nContent-Length: 3\r\n\r\n{ }"],
  ["without a host", "POST /callback HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\n{ }"],
  ["with an unknown expectation", postOf("{ }", "Expect: wonders", close)],
  ["with an offer to upgrade", postOf("{ }", "Connection: upgrade, close", "Upgrade: h2c")],
];
for (const [name, request] of sameBody)
  test(`P3: a callback sent ${name} is accepted, byte by byte`, async (t) => {
    const { taken, accept } = collector();
    const { port } = await openTestIngress(t, { accept });
    assert.deepEqual(answersIn(await exchangeRaw(t, port, request)), [200]);
    assert.deepEqual(
      taken.map(({ body }) => body.toString()),
      ["{ }"],
    );
  });

test("an empty body is accepted: the dead letters tell of it", async (t) => {
  const { taken, accept } = collector();
  const { port } = await openTestIngress(t, { accept });
  for (const request of [postOf("", close), requestOf(post, [close])])
    assert.deepEqual(answersIn(await exchangeRaw(t, port, request)), [200]);
  assert.deepEqual(
    taken.map(({ body }) => body.length),
    [0, 0],
  );
});

test("a body of just the limit is accepted", async (t) => {
  const { port } = await openTestIngress(t);
  const exact = "x".repeat(1000);
  const inChunks = requestOf(post, ["Transfer-Encoding: chunked", close], chunked(exact));
  for (const request of [postOf(exact, close), inChunks])
    assert.deepEqual(answersIn(await exchangeRaw(t, port, request)), [200]);
});

const answerFor = async (t: TestContext, options: Partial<IngressOptions>, target: string) => {
  const { port } = await openTestIngress(t, options);
  return answersIn(await exchangeRaw(t, port, requestOf(`POST ${target} HTTP/1.1`, [close])))[0];
};
for (const path of ["/callback", "/", "/a/b/"])
  test(`P5: a token admits at the end of the path ${path}, and in its query`, async (t) => {
    const options = { path, admit: byToken, tokenInPath: true };
    const base = path.replace(/\/$/, "");
    assert.equal(await answerFor(t, options, `${base}/to-ken`), 200);
    assert.equal(await answerFor(t, options, `${base}/to%2dken?a=1`), 200);
    assert.equal(await answerFor(t, options, `${path}?token=to-ken`), 200);
    assert.equal(await answerFor(t, options, `${base}/other`), 401);
    assert.equal(await answerFor(t, options, path), 401);
    assert.equal(await answerFor(t, options, `${base}/to-ken/x`), 404);
  });

test("P5: a signature over the raw bytes admits, and its key is the source", async (t) => {
  const { taken, accept } = collector();
  const { port, metrics } = await openTestIngress(t, { admit: byHmac, accept });
  const body = '{"reason":"\\u53d6 ok"}';
  const headers = Object.entries(signed(Buffer.from(body))).map(([key, value]) => `${key}: ${value}`);
  assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf(body, ...headers, close))), [200]);
  assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf(`${body} `, ...headers, close))), [401]);
  assert.equal(taken[0]?.source, "main");
  assert.equal((await metrics()).sum("callbacks_received_total", { source: "main" }), 1);
});

test("requests on one connection are answered in order, pipelined or not", async (t) => {
  const { port, metrics } = await openTestIngress(t);
  const { send, received, ended } = openRaw(t, port);
  send(postOf("{}") + requestOf("GET /callback HTTP/1.1", []) + postOf("{}"));
  await eventually(() => answersIn(received()).length === 3);
  send(postOf("{}", close));
  assert.deepEqual(answersIn(await ended), [200, 405, 200, 200]);
  assert.equal((await metrics()).sum("callbacks_acknowledged_total"), 3);
});

test("P1: an accept that throws ends the process, and the sender gets no 2xx", async () => {
  const program = new URL("../support/faultyIngress.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  assert.equal(child.exitCode, 1);
  assert.match(errors, /Error: the accept that throws/);
  assert.ok(!output.includes(" 200 "), output);
});

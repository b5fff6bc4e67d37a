import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import type { Refusal } from "../../src/core/result.ts";
import { createAdmission } from "../../src/core/signature.ts";
import type { IngressOptions } from "../../src/io/ingress/ingress.ts";
import { createTelemetry } from "../../src/telemetry.ts";
import { rulesWith } from "../support/admission.ts";
import { eventually } from "../support/eventually.ts";
import { answersIn, exchangeRaw, openTestIngress, postOf, requestOf } from "../support/ingress.ts";
import { signed } from "../support/sender.ts";

const token = "0pen-sesame-0pen-sesame";
const password = "a-pass:word-of-some-length";
const credentials = Buffer.from(`main:${password}`).toString("base64");
const close = "Connection: close";

const openCapturing = async (t: TestContext, options: Partial<IngressOptions> = {}) => {
  const lines: string[] = [];
  // A clock that moves on: the limit of lines a second is another test's.
  let now = 0;
  const clock = () => (now += 1000);
  // Beside the line that sums up refusals.
  const write = (line: string) => void (line.includes("captured") && lines.push(line));
  const log = pino({ base: null }, { write });
  const telemetry = createTelemetry(log, "0", clock);
  const ingress = await openTestIngress(t, { telemetry, capture: true, ...options });
  return { ...ingress, lines };
};
const only = (lines: readonly string[]): Promise<Readonly<Record<string, unknown>>> =>
  eventually(() => {
    assert.equal(lines.length, 1, lines.join());
    return { ...JSON.parse(lines[0] ?? "") };
  });

test("P5: of an accepted delivery one line tells method, path, names, lengths and shapes, and no value", async (t) => {
  const admit = createAdmission(rulesWith({ auth: ["token"], tokens: [{ name: "hook", secret: token }] }));
  const { port, lines } = await openCapturing(t, { admit, tokenInPath: true });
  const body = '{"event":"ENVELOPE_FINISH"}';
  const sent = signed(Buffer.from(body));
  const headers = Object.entries(sent).map(([name, value]) => `${name}: ${value}`);
  const address = `POST /callback/${token}?orderNo=s3cret-order HTTP/1.1`;
  const request = requestOf(address, [...headers, `Content-Length: ${body.length}`, close], body);
  assert.deepEqual(answersIn(await exchangeRaw(t, port, request)), [200]);
  const { time, level, msg, ...line } = await only(lines);
  assert.deepEqual([typeof time, level, msg], ["number", 30, "captured a delivery: names and shapes"]);
  assert.deepEqual(line, {
    outcome: "published",
    method: "POST",
    path: `/callback/<text ${token.length}>`,
    query: ["orderNo: text 12"],
    headers: [
      "Host: text 1",
      "content-type: text 16",
      "x-tsign-open-timestamp: digits 13",
      "x-tsign-open-signature: hex 64",
      "Content-Length: digits 2",
      "Connection: text 5",
    ],
    bodyBytes: 27,
  });
  const secrets = [token, "s3cret", "ENVELOPE", ...Object.values(sent)];
  assert.ok(!secrets.some((secret) => lines.join().includes(secret)), lines.join());
});

const refused: readonly (readonly [string, string, Refusal])[] = [
  ["no signature", postOf("{}", close), "signature-missing"],
  ["another method", requestOf(`GET /callback?token=${token} HTTP/1.1`, [close]), "method-not-allowed"],
  [
    "another path that ends with the token",
    requestOf(`POST /wrong/${token} HTTP/1.1`, ["Content-Length: 0", close]),
    "path-unknown",
  ],
  ["a body that is too large", postOf("x".repeat(1001), close), "body-too-large"],
  ["a compressed body", postOf("{}", "Content-Encoding: gzip", close), "encoding-unsupported"],
];
for (const [what, request, outcome] of refused)
  test(`P5, P8: ${what}: its line says why it was refused, and shows no value`, async (t) => {
    const { port, lines } = await openCapturing(t, { admit: createAdmission(rulesWith({})) });
    await exchangeRaw(t, port, request);
    const line = await only(lines);
    assert.equal(line["outcome"], outcome);
    assert.ok(!lines.join().includes(token), lines.join());
  });

test("without capture mode there is no line", async (t) => {
  const { port, lines } = await openCapturing(t, { capture: false });
  assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf("{}", close))), [200]);
  assert.deepEqual(lines, []);
});

test("P5: Basic authentication is asked for when it is missing or wrong, and says nothing of which", async (t) => {
  const basicUsers = [{ name: "main", secret: password }];
  const admit = createAdmission(rulesWith({ auth: ["basic"], basicUsers }));
  const { port, lines } = await openCapturing(t, { admit, asksForPassword: true });
  const by = (...headers: string[]) => exchangeRaw(t, port, postOf("{}", close, ...headers));
  const missing = await by();
  const wrong = await by(`Authorization: Basic ${Buffer.from("main:x").toString("base64")}`);
  for (const answer of [missing, wrong]) {
    assert.deepEqual(answersIn(answer), [401]);
    assert.match(answer, /\r\nwww-authenticate: Basic realm="callbacks"\r\n/i);
    assert.ok(answer.endsWith('{"code":"401","msg":"unauthenticated"}'), answer);
  }
  const right = await by(`Authorization: Basic ${credentials}`);
  assert.deepEqual(answersIn(right), [200]);
  assert.doesNotMatch(right, /www-authenticate/i);
  await eventually(() => lines.length === 3);
  assert.ok(![password, credentials].some((secret) => lines.join().includes(secret)), lines.join());
});

test("P5: beside a password, an answer does not tell whether the token was right", async (t) => {
  const admit = createAdmission(
    rulesWith({
      auth: ["token", "basic"],
      tokens: [{ name: "main", secret: "a-token-of-16-characters" }],
      basicUsers: [{ name: "main", secret: password }],
    }),
  );
  const { port } = await openTestIngress(t, { admit, tokenInPath: true, asksForPassword: true });
  const by = async (name: string): Promise<string> => {
    const answer = await exchangeRaw(t, port, postOf("{}", close).replace("/callback", `/callback/${name}`));
    return answer.replace(/date: .*/i, "");
  };
  const right = await by("a-token-of-16-characters");
  assert.deepEqual(answersIn(right), [401]);
  assert.equal(right, await by("b-token-of-16-characters"));
});

test("without passwords nothing is asked for", async (t) => {
  const { port } = await openTestIngress(t, { admit: createAdmission(rulesWith({})) });
  const answer = await exchangeRaw(t, port, postOf("{}", close));
  assert.deepEqual(answersIn(answer), [401]);
  assert.doesNotMatch(answer, /www-authenticate/i);
});

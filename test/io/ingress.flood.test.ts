import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { answersIn, exchangeRaw, openRaw, openTestIngress, requestOf } from "../support/ingress.ts";

const chunked = (first: string, headers: readonly string[], chunks: readonly string[]): string => {
  const body = chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join("");
  return requestOf(first, ["Transfer-Encoding: chunked", ...headers], body);
};
const end = "0\r\n\r\n";
const post = "POST /callback HTTP/1.1";
const many = (count: number, text: string): string[] => Array.from({ length: count }, () => text);

test("P2, P9: a body in ever so many chunks of a letter is refused, and the connection ends", async (t) => {
  const { port, metrics } = await openTestIngress(t, { bodyLimitBytes: 100_000, deadlineMs: 30_000 });
  const answer = await exchangeRaw(t, port, chunked(post, [], many(5000, "x")));
  assert.match(answer, /^HTTP\/1\.1 400 [^]*"request-malformed"}$/);
  // Refused at once, and read on: that must end too.
  const refused = await exchangeRaw(t, port, chunked(post, ["Content-Encoding: br"], many(5000, "x")));
  assert.deepEqual(answersIn(refused), [415]);
  const noPath = await exchangeRaw(t, port, chunked("POST /%ZZ HTTP/1.1", [], many(5000, "x")));
  assert.deepEqual(answersIn(noPath), [400]);
  await eventually(async () => {
    const { sum } = await metrics();
    assert.deepEqual([sum("callbacks_in_flight"), sum("connections_open")], [0, 0]);
    assert.equal(sum("callbacks_refused_total"), 3);
  });
});

test("a body in small chunks, as a proxy or a writer of JSON sends it, passes whole", async (t) => {
  const seen: string[] = [];
  const { port } = await openTestIngress(t, {
    bodyLimitBytes: 200_000,
    admit: ({ body }) => {
      seen.push(body.toString());
      return { ok: false, code: "signature-missing", detail: "" };
    },
  });
  const letters = "abcdefghij".repeat(90).split("");
  const words = Array.from({ length: 3000 }, (_, n) => `"signer ${n}": ${"ab".repeat(25)},`);
  for (const chunks of [letters, words]) {
    const { send, ended } = openRaw(t, port);
    send(`${chunked(post, ["Connection: close"], chunks)}${end}`);
    assert.deepEqual(answersIn(await ended), [401]);
    assert.ok(seen.pop() === chunks.join(""));
  }
});

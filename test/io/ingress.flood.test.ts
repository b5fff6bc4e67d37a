import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Socket } from "node:net";
import { test, type TestContext } from "node:test";
import type { Accept } from "../../src/core/acknowledgement.ts";
import { eventually } from "../support/eventually.ts";
import {
  accepts,
  answersIn,
  exchangeRaw,
  openRaw,
  openTestIngress,
  postOf,
  requestOf,
} from "../support/ingress.ts";

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

/** Requests that Node has taken apart, by the port of the server. */
const countRequests = (t: TestContext): ((port: number) => number) => {
  const seen = new Map<number, number>();
  const onStart = (message: unknown): void => {
    const socket: unknown = Object(message).socket;
    assert.ok(socket instanceof Socket);
    const port = socket.localPort ?? 0;
    seen.set(port, (seen.get(port) ?? 0) + 1);
  };
  subscribe("http.server.request.start", onStart);
  t.after(() => unsubscribe("http.server.request.start", onStart));
  return (port) => seen.get(port) ?? 0;
};

test("P9: what is sent behind the tenth refusal is not even taken apart", async (t) => {
  const requestsOn = countRequests(t);
  const { port, metrics } = await openTestIngress(t);
  const requests = ["GET / HTTP/1.1\r\n\r\n", postOf("{}", "Content-Encoding: br")];
  for (const [index, request] of requests.entries()) {
    const answers = answersIn(await exchangeRaw(t, port, request.repeat(2000)));
    assert.ok(answers.length <= 10, `${answers.length} answers`);
    assert.equal(requestsOn(port), 10 * (index + 1));
  }
  await eventually(async () => (await metrics()).sum("connections_open") === 0);
  const next = await exchangeRaw(t, port, postOf("{}", "Connection: close"));
  assert.deepEqual(answersIn(next), [200], "the parser serves the next connection");
});

test("P9: bodies of a kind or a size that is not taken count among the ten refusals", async (t) => {
  const { port } = await openTestIngress(t);
  for (const wrong of [postOf("{}", "Content-Encoding: br"), postOf("x".repeat(1001))]) {
    const { send, ended, received } = openRaw(t, port);
    for (let n = 1; n <= 9; n += 1) {
      send(wrong);
      await eventually(() => assert.equal(answersIn(received()).length, n));
    }
    send(wrong);
    assert.equal(answersIn(await ended).length, 10);
  }
});

test("P9: who hangs up in the middle of a body that was refused holds no place until the deadline", async (t) => {
  const { port, metrics } = await openTestIngress(t, { deadlineMs: 30_000 });
  const refused = requestOf(post, ["Content-Encoding: br", "Content-Length: 900"], "xx");
  const { socket, send, received } = openRaw(t, port);
  send(refused);
  await eventually(() => assert.deepEqual(answersIn(received()), [415]));
  socket.end();
  await eventually(async () => (await metrics()).sum("connections_open") === 0);
});

test("P2: who hangs up in the middle of a refused body still gets the answers before it", async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const accept: Accept = async (admitted, msLeft) => {
    await promise;
    return accepts(admitted, msLeft);
  };
  const { port, metrics } = await openTestIngress(t, { deadlineMs: 30_000, accept });
  const { socket, send, ended } = openRaw(t, port);
  send(postOf("{}") + requestOf(post, ["Content-Encoding: br", "Content-Length: 900"], "xx"));
  socket.end();
  await eventually(async () => (await metrics()).sum("callbacks_refused_total") === 1);
  resolve();
  assert.deepEqual(answersIn(await ended), [200, 415]);
});

test("P2: a caller whose request waited while the bridge was busy is answered, not reset", async (t) => {
  const { port } = await openTestIngress(t, { deadlineMs: 4000 });
  const { socket, send, ended } = openRaw(t, port);
  send(postOf("{}", "Connection: close"));
  // The connection is there, and nothing of it read for longer than a head may take.
  socket.once("connect", () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900));
  assert.deepEqual(answersIn(await ended), [200]);
});

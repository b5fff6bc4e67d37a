import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ok } from "../../src/core/result.ts";
import type { IngressOptions } from "../../src/io/ingress/ingress.ts";
import { eventually } from "../support/eventually.ts";
import { accepts, answersIn, exchangeRaw, never, openRaw, openTestIngress } from "../support/ingress.ts";
import { postOf, requestOf } from "../support/ingress.ts";

const deadlineMs = 600;
/** A busy machine answers late; that it is not for another deadline, what is counted shows. */
const slackMs = 4000;
const close = "Connection: close";
const half = requestOf("POST /callback HTTP/1.1", ["Content-Length: 10"], "{}");

const timed = async (t: TestContext, port: number, request: string) => {
  const startedAt = performance.now();
  const answer = await exchangeRaw(t, port, request);
  return { answer, ms: performance.now() - startedAt };
};

test("P2: whatever hangs behind, there is an answer at the deadline", async (t) => {
  const { port, metrics } = await openTestIngress(t, { deadlineMs, accept: never });
  const { answer, ms } = await timed(t, port, postOf("{}", close));
  assert.match(answer, /^HTTP\/1\.1 503 [^]*retry-after: 10\r\n[^]*"deadline-passed"}$/i);
  assert.ok(ms > deadlineMs - 50 && ms < deadlineMs + slackMs, `${ms} ms`);
  assert.equal((await metrics()).sum("callbacks_refused_total", { reason: "deadline-passed" }), 1);
});

test("P2: the time that the body took is missing from what is left to accept it", async (t) => {
  const left: number[] = [];
  const accept: IngressOptions["accept"] = (admitted, msLeft) => {
    left.push(msLeft);
    return accepts(admitted, msLeft);
  };
  const { port, metrics } = await openTestIngress(t, { deadlineMs: 3000, accept });
  const { send, ended } = openRaw(t, port);
  send(requestOf("POST /callback HTTP/1.1", ["Content-Length: 4", close], "{}"));
  const begun = await eventually(async () => {
    assert.equal((await metrics()).sum("callbacks_in_flight"), 1);
    return performance.now();
  });
  await eventually(() => performance.now() - begun > 300);
  send("  ");
  assert.deepEqual(answersIn(await ended), [200]);
  const [msLeft = 0] = left;
  assert.ok(Number.isInteger(msLeft) && msLeft > 0 && msLeft <= 2700, `${msLeft} ms`);
});

const slow: readonly (readonly [name: string, request: string])[] = [
  ["body", half],
  ["body in chunks", requestOf("POST /callback HTTP/1.1", ["Transfer-Encoding: chunked"], "1\r\n{\r\n")],
  ["body to a path that is none", half.replace("/callback", "/other")],
  ["head", "POST /callback HTTP/1.1\r\nHost: x\r\n"],
];
for (const [name, request] of slow)
  test(`P2: a slow ${name} gets its 408 at the deadline, once, and the connection ends`, async (t) => {
    const { port, metrics } = await openTestIngress(t, { deadlineMs });
    const { answer, ms } = await timed(t, port, request);
    assert.deepEqual(answersIn(answer), [408]);
    assert.ok(answer.endsWith('\r\n\r\n{"code":"408","msg":"body-too-slow"}'), answer);
    // Node looks for slow heads every 200 ms.
    assert.ok(ms > deadlineMs - 150 && ms < deadlineMs + 200 + slackMs, `${ms} ms`);
    await eventually(async () => {
      const counted = await metrics();
      assert.equal(counted.sum("callbacks_refused_total"), 1);
      assert.equal(counted.sum("callbacks_in_flight"), 0);
    });
  });

test("P9: a refusal before the body is counted once, and the rest is not read past the deadline", async (t) => {
  const { port, metrics } = await openTestIngress(t, { deadlineMs });
  const request = half.replace("Content-Length", "Content-Encoding: br\r\nContent-Length");
  const { answer, ms } = await timed(t, port, request);
  assert.deepEqual(answersIn(answer), [415]);
  assert.ok(ms < deadlineMs + slackMs, `${ms} ms`);
  assert.equal((await metrics()).sum("callbacks_refused_total"), 1);
});

test("the answer to a body over the limit reaches a sender that is still writing it", async (t) => {
  const { port } = await openTestIngress(t, { deadlineMs });
  const answer = await exchangeRaw(t, port, postOf("x".repeat(4_000_000), close));
  assert.deepEqual(answersIn(answer), [413]);
});

test("P9: who hangs up in the middle of a body is in flight no longer", async (t) => {
  const { port, metrics } = await openTestIngress(t, { deadlineMs: 5000 });
  for (const hangUp of ["end", "destroy", "resetAndDestroy"] as const) {
    const { socket, send } = openRaw(t, port);
    send(half);
    await eventually(async () => (await metrics()).sum("callbacks_in_flight") === 1);
    socket[hangUp]();
    await eventually(async () => (await metrics()).sum("callbacks_in_flight") === 0);
  }
  const counted = await metrics();
  assert.equal(counted.sum("callbacks_refused_total", { reason: "request-malformed" }), 3);
  assert.equal(counted.sum("callbacks_refused_total"), 3);
});

test("P9: who hangs up before the answer is in flight no longer", async (t) => {
  const { port, metrics } = await openTestIngress(t, { accept: never });
  const { socket, send } = openRaw(t, port);
  send(postOf("{}"));
  await eventually(async () => (await metrics()).sum("callbacks_in_flight") === 1);
  socket.resetAndDestroy();
  await eventually(async () => (await metrics()).sum("callbacks_in_flight") === 0);
});

test("a connection that never said a word is no refusal", async (t) => {
  const { port, metrics } = await openTestIngress(t, { deadlineMs });
  const silent = openRaw(t, port);
  const reset = openRaw(t, port);
  reset.socket.once("connect", () => reset.socket.resetAndDestroy());
  assert.equal(await silent.ended, "");
  assert.equal((await metrics()).sum("callbacks_refused_total"), 0);
});

test("P9: one request more than may be in flight is refused with 503 until one of them is answered", async (t) => {
  const gate = Promise.withResolvers<void>();
  const accept: IngressOptions["accept"] = async () => {
    await gate.promise;
    return ok({ after: "stored", event: "unread" });
  };
  const { port, metrics } = await openTestIngress(t, { maxInFlight: 2, accept });
  const waiting = [exchangeRaw(t, port, postOf("{}", close)), exchangeRaw(t, port, postOf("{}", close))];
  await eventually(async () => (await metrics()).sum("callbacks_in_flight") === 2);
  const refused = await exchangeRaw(t, port, postOf("{}", close));
  assert.match(refused, /^HTTP\/1\.1 503 [^]*retry-after: 10\r\n[^]*"in-flight-limit"}$/i);
  gate.resolve();
  for (const answer of await Promise.all(waiting)) assert.deepEqual(answersIn(answer), [200]);
  assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf("{}", close))), [200]);
  assert.equal((await metrics()).sum("callbacks_refused_total"), 1);
});

test("P1: a broken head behind a callback does not stand in for the callback's answer", async (t) => {
  const gate = Promise.withResolvers<void>();
  const accept: IngressOptions["accept"] = async () => {
    await gate.promise;
    return ok({ after: "stored", event: "unread" });
  };
  const { port, metrics } = await openTestIngress(t, { accept });
  const { send, ended } = openRaw(t, port);
  send(`${postOf("{}")}HELLO\r\n\r\n`);
  await eventually(async () => (await metrics()).sum("callbacks_refused_total") === 1);
  gate.resolve();
  assert.deepEqual(answersIn(await ended), [200]);
});

test("closing answers what is in flight, refuses what is new, and lets connections go", async (t) => {
  const gate = Promise.withResolvers<void>();
  const accept: IngressOptions["accept"] = async (admitted, msLeft) => {
    await gate.promise;
    return accepts(admitted, msLeft);
  };
  const ingress = await openTestIngress(t, { deadlineMs: 5000, accept });
  const idle = openRaw(t, ingress.port);
  const busy = openRaw(t, ingress.port);
  const pipelining = openRaw(t, ingress.port);
  idle.send(requestOf("GET /callback HTTP/1.1", []));
  busy.send(postOf("{}"));
  pipelining.send(postOf("{}"));
  await eventually(async () => {
    assert.equal((await ingress.metrics()).sum("callbacks_in_flight"), 2);
    assert.deepEqual(answersIn(idle.received()), [405]);
  });
  const closed = ingress.close();
  await idle.ended;
  pipelining.send(postOf("{}"));
  await eventually(async () => {
    const counted = await ingress.metrics();
    assert.equal(counted.sum("callbacks_refused_total", { reason: "closing" }), 1);
  });
  gate.resolve();
  assert.deepEqual(answersIn(await busy.ended), [200]);
  await pipelining.ended;
  await closed;
  await assert.rejects(fetch(`http://127.0.0.1:${ingress.port}/callback`));
});

test("closing waits for no slow head and no slow body past the deadline", async (t) => {
  const ingress = await openTestIngress(t, { deadlineMs });
  const connections = ["POST /callback HTTP/1.1\r\n", half].map((request) => {
    const { send, ended } = openRaw(t, ingress.port);
    send(request);
    return ended;
  });
  await eventually(async () => (await ingress.metrics()).sum("callbacks_in_flight") === 1);
  const startedAt = performance.now();
  await ingress.close();
  assert.ok(performance.now() - startedAt < deadlineMs + slackMs);
  assert.deepEqual(answersIn((await Promise.all(connections)).join("")), [408]);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Accept } from "../../src/core/acknowledgement.ts";
import { ok } from "../../src/core/result.ts";
import { eventually } from "../support/eventually.ts";
import { answersIn, openRaw, openTestIngress, postOf, requestOf } from "../support/ingress.ts";

const nonsense: readonly (readonly [name: string, text: string, status: number])[] = [
  ["no HTTP", "HELLO\r\n\r\n", 400],
  ["a tunnel", requestOf("CONNECT bridge:80 HTTP/1.1", []), 405],
  ["a head that is too large", requestOf("POST /callback HTTP/1.1", [`X: ${"y".repeat(20_000)}`]), 431],
];
for (const [name, text, status] of nonsense)
  test(`P2, P8: ${name} is answered ${status} behind the requests before it, not in their place`, async (t) => {
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<Accept>>>();
    const { port, metrics } = await openTestIngress(t, { accept: () => promise });
    const { send, ended } = openRaw(t, port);
    // The first waits, the second is answered at once, behind it.
    send(postOf("{}") + requestOf("GET /callback HTTP/1.1", []));
    await eventually(async () => (await metrics()).sum("callbacks_refused_total") === 1);
    send(text);
    const late = openRaw(t, port);
    late.send(requestOf("GET /callback HTTP/1.1", ["Connection: close"]));
    await late.ended;
    resolve(ok({ after: "published", event: "envelope-finished" }));
    assert.deepEqual(answersIn(await ended), [200, 405, status]);
    assert.equal((await metrics()).sum("callbacks_refused_total"), 3);
  });

test("P2: a request that expects an interim answer gets one, and none that stands in the answer before it", async (t) => {
  const expecting = postOf("{}", "Expect: 100-continue", "Connection: close");
  const { port } = await openTestIngress(t);
  const alone = openRaw(t, port);
  alone.send(expecting);
  assert.deepEqual(answersIn(await alone.ended), [100, 200]);
  const behind = openRaw(t, port);
  behind.send(postOf("{}").repeat(3) + expecting);
  const whole = /^(?:HTTP\/1\.1 200 OK\r\n(?:[^\r\n]+\r\n)+\r\n\{"code":"200","msg":"success"\}){4}$/;
  assert.match(await behind.ended, whole);
});

test("P9: requests one behind the other, on a connection that is reset, do not count as in flight for ever", async (t) => {
  const { port, metrics } = await openTestIngress(t);
  const connections = Array.from({ length: 20 }, () => openRaw(t, port));
  await Promise.all(connections.map(({ socket }) => once(socket, "connect")));
  // Sent and reset before the bridge has its turn: its first answer fails, and those behind it are never written.
  for (const { socket, send } of connections) {
    send(`${postOf("{}").repeat(3)}HELLO\r\n\r\n`);
    socket.resetAndDestroy();
  }
  await eventually(async () => {
    const { sum } = await metrics();
    const [answered, inFlight] = [sum("callback_reply_seconds_count"), sum("callbacks_in_flight")];
    assert.ok(answered > 0 && inFlight === 0, `${answered} answered, ${inFlight} in flight`);
  });
});

test("P1, P9: a tunnel that is asked for behind a callback and then reset does not end the process", async (t) => {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<Accept>>>();
  const { port, metrics } = await openTestIngress(t, { accept: () => promise });
  const { socket, send } = openRaw(t, port);
  send(postOf("{}"));
  await eventually(async () => (await metrics()).sum("callbacks_in_flight") === 1);
  send(requestOf("CONNECT bridge:80 HTTP/1.1", []));
  const other = openRaw(t, port);
  other.send(requestOf("GET /callback HTTP/1.1", ["Connection: close"]));
  await other.ended;
  socket.resetAndDestroy();
  await eventually(async () => (await metrics()).sum("callbacks_in_flight") === 0);
  resolve(ok({ after: "published", event: "envelope-finished" }));
});

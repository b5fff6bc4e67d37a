import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { fail, ok } from "../../src/core/result.ts";
import { createAdmission } from "../../src/core/signature.ts";
import type { IngressOptions } from "../../src/io/ingress/ingress.ts";
import { eventually } from "../support/eventually.ts";
import { accepts, answersIn, exchangeRaw, noLimits, openRaw, openTestIngress } from "../support/ingress.ts";
import { postOf, requestOf } from "../support/ingress.ts";

const close = "Connection: close";
const post = "POST /callback HTTP/1.1";
const half = (length: number, sent: string): string => requestOf(post, [`Content-Length: ${length}`], sent);

const open = (
  t: TestContext,
  network: Partial<IngressOptions["network"]>,
  more: Partial<IngressOptions> = {},
) => openTestIngress(t, { deadlineMs: 1000, ...more, network: { ...noLimits, ...network } });

/** All of 127.0.0.0/8 is this machine, but only Linux lets a client choose from it. */
const twoAddresses = { skip: process.platform === "linux" ? false : "needs a second loopback address" };
const other = "127.0.0.2";

test("P9: one connection more than there may be is closed, and there is room again when one ends", async (t) => {
  const { port, metrics, lines } = await open(t, { maxConnections: 2 });
  const held = [openRaw(t, port), openRaw(t, port)];
  await eventually(async () => (await metrics()).sum("connections_open") === 2);
  assert.equal(await exchangeRaw(t, port, postOf("{}", close)), "");
  const counted = await metrics();
  assert.equal(counted.sum("connections_refused_total", { reason: "connection-limit" }), 1);
  assert.ok(lines.some((line) => line.includes('"reason":"connection-limit"')));
  held[0]?.socket.destroy();
  await eventually(async () => (await metrics()).sum("connections_open") === 1);
  assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf("{}", close))), [200]);
});

test("P9: an address that takes all the connections it may keeps out no other", twoAddresses, async (t) => {
  const { port, metrics } = await open(t, { maxConnectionsPerAddress: 3 });
  const bad = Array.from({ length: 10 }, () => openRaw(t, port, other));
  await eventually(async () => {
    const counted = await metrics();
    assert.equal(counted.sum("connections_refused_total", { reason: "address-connection-limit" }), 7);
    assert.equal(counted.sum("connections_open"), 3);
  });
  assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf("{}", close))), [200]);
  for (const { socket } of bad) socket.destroy();
  await eventually(async () => (await metrics()).sum("connections_open") === 0);
  const again = openRaw(t, port, other);
  again.send(postOf("{}", close));
  assert.deepEqual(answersIn(await again.ended), [200]);
});

test("P9: a proxy that is named may have more connections than one address", async (t) => {
  const { port, metrics } = await open(t, { maxConnectionsPerAddress: 1, trustProxy: ["127.0.0.1/32"] });
  openRaw(t, port);
  openRaw(t, port);
  await eventually(async () => (await metrics()).sum("connections_open") === 2);
  assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf("{}", close))), [200]);
});

test("P9: a connection that asks nothing more is closed after its time", async (t) => {
  const { port } = await open(t, { idleTimeoutMs: 1000 });
  const { send, ended } = openRaw(t, port);
  send(postOf("{}"));
  const startedAt = performance.now();
  assert.deepEqual(answersIn(await ended), [200]);
  const ms = performance.now() - startedAt;
  // Node gives a second more.
  assert.ok(ms > 900 && ms < 4000, `${ms} ms`);
});

test("P9: slow bodies use up no place of those that wait", async (t) => {
  const { port, metrics } = await open(t, {}, { maxInFlight: 1 });
  for (let n = 0; n < 5; n += 1) openRaw(t, port).send(half(10, "{}"));
  await eventually(async () => (await metrics()).sum("callbacks_in_flight") === 5);
  assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf("{}", close))), [200]);
});

test("P9: who fills the bytes in flight with slow bodies is refused, and small ones pass", async (t) => {
  const limits = { maxBytesInFlight: 10_000 };
  const { port, metrics } = await open(t, limits, { bodyLimitBytes: 8000, deadlineMs: 2000 });
  const bad = [4000, 5000].map((sent) => {
    const connection = openRaw(t, port);
    connection.send(half(8000, "x".repeat(sent)));
    return connection;
  });
  await eventually(async () => (await metrics()).sum("callbacks_in_flight") === 2);
  // They are in flight as soon as their heads are read; the bodies come in the same turn or one after.
  for (let n = 0; n < 3; n += 1)
    assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf("x".repeat(999), close))), [200]);
  assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf("x".repeat(2000), close))), [200]);
  await eventually(() => assert.deepEqual(answersIn(bad[1]?.received() ?? ""), [503]));
  assert.deepEqual(answersIn(bad[0]?.received() ?? ""), [], "the smaller one may go on");
  bad[0]?.send("x".repeat(4000));
  await eventually(() => assert.deepEqual(answersIn(bad[0]?.received() ?? ""), [200]));
  const counted = await metrics();
  assert.equal(counted.sum("callbacks_refused_total", { reason: "bytes-in-flight-limit" }), 1);
});

test("P9: bodies that wait for their answer count as bytes in flight, until they have it", async (t) => {
  const gate = Promise.withResolvers<void>();
  const accept: IngressOptions["accept"] = async (admitted, msLeft) => {
    await gate.promise;
    return accepts(admitted, msLeft);
  };
  const { port, metrics } = await open(t, { maxBytesInFlight: 1500 }, { accept });
  const waiting = exchangeRaw(t, port, postOf("x".repeat(1000), close));
  await eventually(async () => (await metrics()).sum("callbacks_received_total") === 1);
  const refused = await exchangeRaw(t, port, postOf("x".repeat(1000), close));
  assert.match(refused, /^HTTP\/1\.1 503 [^]*retry-after: 10\r\n[^]*"bytes-in-flight-limit"}$/i);
  gate.resolve();
  assert.deepEqual(answersIn(await waiting), [200]);
  assert.deepEqual(answersIn(await exchangeRaw(t, port, postOf("x".repeat(1000), close))), [200]);
});

const by = (name: string): string => postOf("{}", `Authorization: Bearer token-of-${name}`, close);
test("P9: a source above its rate gets 429 and when to come again; another source does not notice", async (t) => {
  const tokens = ["bad", "good"].map((name) => ({ name, secret: `token-of-${name}` }));
  const admit = createAdmission({
    auth: ["token"],
    hmacKeys: [],
    hmacScheme: "tsign",
    hmacMaxAgeMs: 0,
    tokens,
    basicUsers: [],
  });
  const { port, metrics, lines } = await open(t, { rateLimit: 1 }, { admit });
  // Whoever has no token uses up nobody's rate.
  for (let n = 0; n < 20; n += 1) await exchangeRaw(t, port, postOf("{}", close));
  for (let n = 0; n < 10; n += 1) assert.deepEqual(answersIn(await exchangeRaw(t, port, by("bad"))), [200]);
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchangeRaw(t, port, by("bad"))));
  const over = answers.filter((answer) => answersIn(answer)[0] === 429);
  assert.ok(over.length > 10, `${over.length} of 20`);
  assert.match(over[0] ?? "", /\r\nretry-after: 1\r\n[^]*{"code":"429","msg":"rate-limited"}$/i);
  assert.deepEqual(answersIn(await exchangeRaw(t, port, by("good"))), [200]);
  assert.equal((await metrics()).sum("callbacks_refused_total", { reason: "rate-limited" }), over.length);
  assert.equal(lines.filter((line) => line.includes('"rate-limited"')).length, 1, "P8: a line, not one each");
});

const keepsNone: IngressOptions["accept"] = () => Promise.resolve(fail("journal-full"));
test("P9: who sends and never reads is let go, with all that was to be answered", async (t) => {
  const { port, metrics } = await open(t, {}, { accept: keepsNone, deadlineMs: 500 });
  const { socket, send } = openRaw(t, port);
  socket.pause();
  const requests = postOf("{}").repeat(1000);
  await eventually(async () => (await metrics()).sum("connections_open") === 1);
  // The kernel's buffers take thousands of answers before they stand still.
  await eventually(
    async () => {
      if (socket.writableLength < 5e6) send(requests);
      assert.equal((await metrics()).sum("connections_open"), 0);
    },
    { withinMs: 20_000 },
  );
  assert.equal((await metrics()).sum("callbacks_in_flight"), 0);
});

test("P9: after ten refusals a connection ends, and what it has sent behind them costs nothing", async (t) => {
  let looked = 0;
  const admit: IngressOptions["admit"] = () => {
    looked += 1;
    return fail("signature-mismatch");
  };
  const { port, metrics } = await open(t, {}, { admit });
  for (const request of [postOf("{}"), requestOf("GET /callback HTTP/1.1", [])]) {
    const answers = answersIn(await exchangeRaw(t, port, request.repeat(500)));
    assert.ok(answers.length <= 10, `${answers.length} answers`);
  }
  assert.equal(looked, 10);
  await eventually(async () => {
    const counted = await metrics();
    assert.equal(counted.sum("callbacks_refused_total"), 20);
    assert.equal(counted.sum("connections_refused_total", { reason: "too-many-refusals" }), 2);
    assert.equal(counted.sum("connections_open"), 0);
    assert.equal(counted.sum("callbacks_in_flight"), 0);
  });
});

test("P1: what came before the tenth refusal is answered, in order, also when its answer takes longer", async (t) => {
  const gate = Promise.withResolvers<void>();
  const accept: IngressOptions["accept"] = async (admitted, msLeft) => {
    await gate.promise;
    return accepts(admitted, msLeft);
  };
  const { port, metrics } = await open(t, {}, { accept });
  const { send, ended } = openRaw(t, port);
  const wrong = requestOf("GET /callback HTTP/1.1", []);
  send(wrong.repeat(4) + postOf("{}") + wrong.repeat(5) + postOf("{}") + wrong.repeat(9));
  await eventually(async () => (await metrics()).sum("callbacks_refused_total") >= 10);
  gate.resolve();
  const before = [...Array.from({ length: 4 }, () => 405), 200];
  const behind = [...Array.from({ length: 5 }, () => 405), 200, 405];
  assert.deepEqual(answersIn(await ended), [...before, ...behind]);
});

test("a body over the limit costs its sender the answer, and not the connection", async (t) => {
  const { port } = await open(t, {});
  const inChunks = `3e9\r\n${"x".repeat(1001)}\r\n0\r\n\r\n`;
  for (const large of [postOf("x".repeat(1001)), requestOf(post, ["Transfer-Encoding: chunked"], inChunks)]) {
    const { send, ended, received } = openRaw(t, port);
    send(large);
    await eventually(() => assert.deepEqual(answersIn(received()), [413]));
    assert.ok(!/connection: close/i.test(received()), received());
    send(postOf("{}", close));
    assert.deepEqual(answersIn(await ended), [413, 200]);
  }
});

test("P8: what ends after the deadline is neither answered nor counted again", async (t) => {
  for (const late of [ok({ after: "published", event: "unread" } as const), fail("journal-failed")]) {
    const gate = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const accept: IngressOptions["accept"] = async () => {
      await gate.promise;
      setImmediate(ended.resolve);
      return late;
    };
    const { port, metrics } = await open(t, {}, { accept, deadlineMs: 200 });
    const { send, received } = openRaw(t, port);
    send(postOf("{}"));
    await eventually(() => assert.deepEqual(answersIn(received()), [503]));
    gate.resolve();
    await ended.promise;
    send(requestOf("GET /callback HTTP/1.1", []));
    await eventually(() => assert.deepEqual(answersIn(received()), [503, 405]));
    const counted = await metrics();
    assert.equal(counted.sum("callbacks_refused_total", { reason: "deadline-passed" }), 1);
    assert.equal(counted.sum("callbacks_refused_total", { reason: "journal-failed" }), 0);
    assert.equal(counted.sum("callbacks_acknowledged_total"), 0);
  }
});

test("an answer given while closing says that it is the connection's last", async (t) => {
  const gate = Promise.withResolvers<void>();
  const accept: IngressOptions["accept"] = async (admitted, msLeft) => {
    await gate.promise;
    return accepts(admitted, msLeft);
  };
  const ingress = await open(t, {}, { accept });
  const { send, ended } = openRaw(t, ingress.port);
  send(postOf("{}"));
  await eventually(async () => (await ingress.metrics()).sum("callbacks_received_total") === 1);
  const closed = ingress.close();
  gate.resolve();
  const answer = await ended;
  await closed;
  assert.deepEqual(answersIn(answer), [200]);
  assert.match(answer, /\r\nconnection: close\r\n/i);
});

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { IngressOptions } from "../../src/io/ingress/ingress.ts";
import { eventually } from "../support/eventually.ts";
import { answersIn, exchangeRaw, noLimits, openRaw, openTestIngress } from "../support/ingress.ts";
import { accepts, postOf, requestOf } from "../support/ingress.ts";

const close = "Connection: close";
const open = async (t: TestContext, network: Partial<IngressOptions["network"]>) => {
  let taken = 0;
  const accept: IngressOptions["accept"] = (admitted, msLeft) => {
    taken += 1;
    return accepts(admitted, msLeft);
  };
  const ingress = await openTestIngress(t, { accept, network: { ...noLimits, ...network } });
  const statusFor = async (...headers: string[]) =>
    answersIn(await exchangeRaw(t, ingress.port, postOf("{}", ...headers, close)))[0];
  return { ...ingress, statusFor, taken: () => taken };
};

test("P5: an address that may not call gets 403 before its body, on every path, and one line tells of it", async (t) => {
  const { port, metrics, lines, taken } = await open(t, { allowIps: ["192.0.2.0/24"] });
  for (const path of ["/callback", "/other"]) {
    const { send, received } = openRaw(t, port);
    send(requestOf(`POST ${path} HTTP/1.1`, ["Content-Length: 1000"]));
    await eventually(() => assert.deepEqual(answersIn(received()), [403]));
    assert.ok(received().endsWith('\r\n\r\n{"code":"403","msg":"address-refused"}'), received());
  }
  assert.equal((await metrics()).sum("callbacks_refused_total", { reason: "address-refused" }), 2);
  assert.equal(taken(), 0);
  const told = lines.filter((line) => line.includes("address-refused"));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /"from":"127\.0\.0\.1"/);
});

test("an address that may call is answered as ever", async (t) => {
  const { statusFor } = await open(t, { allowIps: ["192.0.2.0/24", "127.0.0.0/8"] });
  assert.equal(await statusFor(), 200);
});

test("P5: an X-Forwarded-For that no named proxy sent changes nothing, either way", async (t) => {
  const outside = await open(t, { allowIps: ["192.0.2.0/24"], trustProxy: ["10.0.0.0/8"] });
  assert.equal(await outside.statusFor("X-Forwarded-For: 192.0.2.1"), 403);
  assert.equal(await outside.statusFor("X-Forwarded-For: 192.0.2.1, 10.0.0.1"), 403);
  assert.equal(await outside.statusFor("Forwarded: for=192.0.2.1", "X-Real-IP: 192.0.2.1"), 403);
  const inside = await open(t, { allowIps: ["127.0.0.1/32"], trustProxy: ["10.0.0.0/8"] });
  assert.equal(await inside.statusFor("X-Forwarded-For: 203.0.113.9"), 200);
});

test("P5: of what a named proxy sends only the hop that it saw counts, not what the caller wrote before", async (t) => {
  const { statusFor, lines } = await open(t, { allowIps: ["192.0.2.0/24"], trustProxy: ["127.0.0.1/32"] });
  assert.equal(await statusFor("X-Forwarded-For: 192.0.2.1"), 200);
  assert.equal(await statusFor("X-Forwarded-For: 203.0.113.9, 192.0.2.1"), 200);
  assert.equal(await statusFor("X-Forwarded-For: 192.0.2.1, 203.0.113.9"), 403);
  assert.equal(await statusFor("X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 203.0.113.9"), 403);
  assert.equal(await statusFor("X-Forwarded-For: 192.0.2.1, unknown"), 403);
  assert.equal(await statusFor(), 403, "the proxy itself is no caller");
  assert.match(lines.join(""), /"from":"203\.0\.113\.9"/, "the log names the caller, not the proxy");
});

test("P5: a proxy that forgets the header lets nobody in, also where the list holds the proxy", async (t) => {
  const network = { allowIps: ["127.0.0.0/8"], trustProxy: ["127.0.0.1/32"] };
  const { statusFor, lines } = await open(t, network);
  assert.equal(await statusFor(), 403);
  assert.match(lines.join(""), /"from":"127\.0\.0\.1"/, "the log names the proxy");
});

test("IPv4 that arrives on an IPv6 socket is IPv4", async (t) => {
  const network = { ...noLimits, allowIps: ["127.0.0.1/32"] };
  const opened = await openTestIngress(t, { host: "::", network }).catch((error: unknown) => {
    // A machine without IPv6 has no such sockets.
    assert.match(String(error), /EAFNOSUPPORT|EADDRNOTAVAIL/);
    return null;
  });
  if (opened === null) return;
  assert.deepEqual(answersIn(await exchangeRaw(t, opened.port, postOf("{}", close))), [200]);
});

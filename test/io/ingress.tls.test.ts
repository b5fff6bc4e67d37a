import assert from "node:assert/strict";
import { connect as connectPlain } from "node:net";
import { test, type TestContext } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { IngressOptions } from "../../src/io/ingress/ingress.ts";
import { checkCertificates } from "../../src/io/ingress/server.ts";
import { createAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { accepts, answersIn, exchangeRaw, noLimits, openTestIngress, postOf } from "../support/ingress.ts";

const close = "Connection: close";

const openTls = async (t: TestContext, withClients: boolean, more: Partial<IngressOptions> = {}) => {
  const authority = await createAuthority(t, "bridge");
  const clients = await createAuthority(t, "callers");
  const first = await authority.issue("first");
  const tls = { ...first, clientCa: withClients ? clients.ca : null };
  const ingress = await openTestIngress(t, { deadlineMs: 1000, ...more, network: { ...noLimits, tls } });
  return { ...ingress, authority, clients, tls };
};

/** `names` is told as soon as the handshake is done: the certificate that the server showed. */
const openSecure = (t: TestContext, port: number, options: ConnectionOptions) => {
  const socket: TLSSocket = connect({ port, host: "127.0.0.1", ...options });
  t.after(() => socket.destroy());
  let text = "";
  let error: Error | null = null;
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.on("error", (reason) => {
    error = reason;
  });
  const ended = new Promise<string>((resolve) => socket.once("close", () => resolve(text)));
  const subject = new Promise<string>((resolve) =>
    socket.once("secureConnect", () => resolve(String(socket.getPeerCertificate().subject.CN))),
  );
  const send = (more: string): void => void socket.write(more);
  return { socket, subject, send, received: () => text, ended, error: () => error };
};

const exchange = (t: TestContext, port: number, options: ConnectionOptions): Promise<string> => {
  const { send, ended } = openSecure(t, port, options);
  send(postOf("{}", close));
  return ended;
};

test("P5: callbacks come over TLS from 1.2 on, and an older one or none is closed and counted", async (t) => {
  const { port, metrics, lines, authority } = await openTls(t, false);
  const { ca } = authority;
  for (const version of ["TLSv1.2", "TLSv1.3"] as const)
    assert.deepEqual(
      answersIn(await exchange(t, port, { ca, minVersion: version, maxVersion: version })),
      [200],
    );
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  assert.equal(await exchange(t, port, { ca, ...old }), "");
  assert.ok(!(await exchangeRaw(t, port, postOf("{}", close))).includes("HTTP/"));
  await eventually(async () => {
    const counted = await metrics();
    assert.equal(counted.sum("connections_refused_total", { reason: "handshake-failed" }), 2);
    assert.equal(counted.sum("callbacks_refused_total"), 0);
    assert.equal(counted.sum("callbacks_acknowledged_total"), 2);
    assert.equal(counted.sum("connections_open"), 0);
  });
  assert.equal(lines.filter((line) => line.includes("handshake-failed")).length, 1, "P8: one line, not two");
});

test("P5: under mutual TLS only who has a certificate of the authority can ask anything", async (t) => {
  const { port, metrics, lines, authority, clients } = await openTls(t, true);
  const { ca } = authority;
  const strangers = await createAuthority(t, "strangers");
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const known = { ca, maxVersion, ...(await clients.issue("caller")) };
    assert.deepEqual(answersIn(await exchange(t, port, known)), [200]);
    assert.equal(await exchange(t, port, { ca, maxVersion }), "");
    assert.equal(await exchange(t, port, { ca, maxVersion, ...(await strangers.issue("stranger")) }), "");
    // The server's own certificate is none of a caller's.
    assert.equal(await exchange(t, port, { ca, maxVersion, ...(await authority.issue("other")) }), "");
  }
  await eventually(async () => {
    const counted = await metrics();
    assert.equal(counted.sum("connections_refused_total", { reason: "client-certificate-refused" }), 6);
    assert.equal(counted.sum("callbacks_acknowledged_total"), 2);
    assert.equal(counted.sum("callbacks_refused_total"), 0);
  });
  assert.equal(lines.filter((line) => line.includes("client-certificate-refused")).length, 1);
});

test("P9: a handshake that does not end is ended", async (t) => {
  const { port, metrics } = await openTls(t, false);
  const startedAt = performance.now();
  const silent = connectPlain(port, "127.0.0.1");
  const half = connectPlain(port, "127.0.0.1");
  t.after(() => [silent, half].forEach((socket) => socket.destroy()));
  // The first bytes of a greeting whose rest never comes.
  half.write(Buffer.from("16030100f5010000f10303", "hex"));
  await Promise.all([silent, half].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  const ms = performance.now() - startedAt;
  assert.ok(ms > 2500 && ms < 5000, `${ms} ms`);
  await eventually(async () => {
    const counted = await metrics();
    assert.equal(counted.sum("connections_refused_total", { reason: "handshake-failed" }), 2);
    assert.equal(counted.sum("connections_open"), 0);
  });
});

test("P9: connections of a full address are closed before their handshake", async (t) => {
  const authority = await createAuthority(t, "bridge");
  const tls = { ...(await authority.issue("first")), clientCa: null };
  const network = { ...noLimits, tls, maxConnectionsPerAddress: 1 };
  const { port, metrics } = await openTestIngress(t, { network });
  const first = openSecure(t, port, { ca: authority.ca });
  await first.subject;
  assert.equal(await exchange(t, port, { ca: authority.ca }), "");
  first.send(postOf("{}", close));
  assert.deepEqual(answersIn(await first.ended), [200]);
  const counted = await metrics();
  assert.equal(counted.sum("connections_refused_total", { reason: "address-connection-limit" }), 1);
  assert.equal(counted.sum("connections_refused_total"), 1);
});

test("P1: new certificates drop neither a request in flight nor a connection, and new ones show them", async (t) => {
  const gate = Promise.withResolvers<void>();
  const accept: IngressOptions["accept"] = async (admitted, msLeft) => {
    if (admitted.body.toString() === "wait") await gate.promise;
    return accepts(admitted, msLeft);
  };
  const { port, metrics, renewCertificates, authority, clients, tls } = await openTls(t, true, {
    accept,
    deadlineMs: 30_000,
  });
  const { ca } = authority;
  const before = { ca, ...(await clients.issue("caller")) };
  const [busy, idle] = [openSecure(t, port, before), openSecure(t, port, before)];
  assert.deepEqual(await Promise.all([busy.subject, idle.subject]), ["first", "first"]);
  idle.send(postOf("{}"));
  busy.send(postOf("wait"));
  await eventually(async () => {
    assert.deepEqual(answersIn(idle.received()), [200]);
    assert.equal((await metrics()).sum("callbacks_received_total"), 2);
  });
  const newClients = await createAuthority(t, "new-callers");
  renewCertificates({ ...tls, ...(await authority.issue("second")), clientCa: newClients.ca });
  const fresh = openSecure(t, port, { ca, ...(await newClients.issue("caller")) });
  assert.equal(await fresh.subject, "second");
  fresh.send(postOf("{}", close));
  assert.deepEqual(answersIn(await fresh.ended), [200]);
  assert.equal(await exchange(t, port, before), "", "the old authority's certificates open nothing new");
  idle.send(postOf("{}", close));
  assert.deepEqual(answersIn(await idle.ended), [200, 200]);
  gate.resolve();
  await eventually(() => assert.deepEqual(answersIn(busy.received()), [200]));
  busy.send(postOf("{}", close));
  assert.deepEqual(answersIn(await busy.ended), [200, 200]);
});

test("what a server does not take is told with the settings that it comes from, and no key is shown", async (t) => {
  const authority = await createAuthority(t, "bridge");
  const good = { ...(await authority.issue("one")), clientCa: authority.ca };
  assert.ok(checkCertificates(good).ok);
  const checked = checkCertificates({ ...good, key: (await authority.issue("two")).key });
  assert.ok(!checked.ok);
  assert.equal(
    checked.detail,
    "TLS_CERT_FILE, TLS_KEY_FILE or TLS_CLIENT_CA_FILE: no server takes them: ERR_OSSL_X509_KEY_VALUES_MISMATCH",
  );
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import { createSocketRefusal } from "../../src/io/ingress/connection.ts";
import type { ExchangeContext } from "../../src/io/ingress/exchange.ts";
import { createTelemetry } from "../../src/telemetry.ts";

const timeIsUp = Object.assign(new Error("time is up"), { code: "ERR_HTTP_REQUEST_TIMEOUT" });

/** A connection on which half a head has come, and refusals that wait until they are told. */
const openHalfHead = async (t: TestContext) => {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer(accepted.resolve).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  const client = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
  t.after(() => client.destroy());
  client.write("POST /callback HT");
  const socket = await accepted.promise;
  t.after(() => socket.destroy());
  await once(socket, "data");
  const due: (() => void)[] = [];
  const context: ExchangeContext = {
    gate: { closing: false, waiting: 0, bytes: 0, reading: new Set(), connections: new WeakMap() },
    callerOf: () => "127.0.0.1",
    telemetry: createTelemetry(pino({ level: "silent" }), "0", Date.now),
    spread: (act) => void due.push(act),
    deadlineMs: 3000,
    path: "/callback",
    asksForPassword: false,
    capture: false,
  };
  const runDue = (): void => due.splice(0).forEach((act) => act());
  return { client, socket, context, refuse: createSocketRefusal(context), runDue };
};

test("P2: a head that is still not whole when its turn comes is refused with 408, once", async (t) => {
  const { client, socket, refuse, runDue } = await openHalfHead(t);
  refuse(timeIsUp, socket);
  assert.equal(socket.writableEnded, false);
  runDue();
  const [answer] = await once(client.setEncoding("utf8"), "data");
  assert.match(answer, /^HTTP\/1\.1 408 [\s\S]*"body-too-slow"}$/);
});

test("P2: a head that has become whole by the time of its refusal is not refused: its request has its own time", async (t) => {
  const { socket, context, refuse, runDue } = await openHalfHead(t);
  refuse(timeIsUp, socket);
  context.gate.connections.set(socket, {
    latest: null,
    requests: 1,
    refusals: 0,
    last: null,
    open: [],
  });
  runDue();
  assert.equal(socket.writableEnded || socket.destroyed, false);
});

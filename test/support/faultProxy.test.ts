import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { eventually } from "./eventually.ts";
import { openFaultProxy, type FaultProxyOptions, type Target } from "./faultProxy.ts";
import { createFrameFilter } from "./frameFilter.ts";

function frame(text: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([head, Buffer.from(text)]);
}

interface Echo {
  readonly target: Target;
  readonly received: () => string;
  readonly sockets: Set<Socket>;
}

/** Answers every chunk with itself: frames come back as frames. */
async function openEcho(t: TestContext): Promise<Echo> {
  const sockets = new Set<Socket>();
  let received = "";
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString();
      socket.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  return { target: { host: "127.0.0.1", port: address.port }, received: () => received, sockets };
}

interface Client {
  readonly socket: Socket;
  readonly text: () => string;
  readonly closed: () => boolean;
}

function openClient(t: TestContext, port: number): Client {
  let text = "";
  const socket = connect(port, "127.0.0.1");
  // A reset is one of the ways in which the proxy ends a connection; "close" follows it.
  socket.on("error", () => socket.destroy()).on("data", (chunk: Buffer) => void (text += chunk.toString()));
  t.after(() => socket.destroy());
  return { socket, text: () => text, closed: () => socket.closed };
}

async function openBetween(t: TestContext, options: FaultProxyOptions = {}) {
  const echo = await openEcho(t);
  const proxy = await openFaultProxy({ target: echo.target, ...options });
  t.after(() => proxy[Symbol.asyncDispose]());
  return { echo, proxy, client: openClient(t, proxy.port) };
}

async function roundTrip({ socket, text }: Client, message: string): Promise<void> {
  socket.write(frame(message));
  await eventually(() => text().includes(message));
}

test("the port is known before the target, and both directions are carried", async (t) => {
  const echo = await openEcho(t);
  await using proxy = await openFaultProxy();
  const early = openClient(t, proxy.port);
  await eventually(early.closed);
  proxy.setTarget(echo.target);
  const client = openClient(t, proxy.port);
  await roundTrip(client, "x".repeat(1_000_000));
  assert.equal(proxy.connections, 1);
  client.socket.end();
  await eventually(() => proxy.connections === 0 && echo.sockets.size === 0);
});

test("cut ends what is open, on both sides, and nothing later", async (t) => {
  const { proxy, client, echo } = await openBetween(t);
  await roundTrip(client, "before");
  proxy.cut();
  await eventually(() => client.closed() && echo.sockets.size === 0);
  assert.equal(proxy.connections, 0);
  await roundTrip(openClient(t, proxy.port), "after");
});

test("refuse ends new connections only, until healed", async (t) => {
  const { proxy, client } = await openBetween(t);
  await roundTrip(client, "one");
  proxy.refuse(true);
  await eventually(openClient(t, proxy.port).closed);
  await roundTrip(client, "two");
  proxy.heal();
  await roundTrip(openClient(t, proxy.port), "three");
});

test("a target that is gone ends the connection", async (t) => {
  await using proxy = await openFaultProxy({ target: { host: "127.0.0.1", port: 1 } });
  await eventually(openClient(t, proxy.port).closed);
  assert.equal(proxy.connections, 0);
});

test("delay holds responses back, in order, and loses none when the server ends", async (t) => {
  const { proxy, client, echo } = await openBetween(t);
  await roundTrip(client, "quick");
  proxy.delay(150);
  const begun = performance.now();
  client.socket.write(frame("slow"));
  await eventually(() => echo.received().includes("slow"));
  proxy.delay(0);
  client.socket.write(frame("later"));
  await eventually(() => echo.received().includes("later"));
  client.socket.end();
  await once(client.socket, "close");
  assert.ok(performance.now() - begun >= 145, "the response came too early");
  assert.equal(client.text(), [frame("quick"), frame("slow"), frame("later")].join(""));
});

test("swallowed responses are whole frames, and their requests arrive", async (t) => {
  const { proxy, client, echo } = await openBetween(t);
  await roundTrip(client, "first");
  proxy.swallowResponses(2);
  const lost = Buffer.concat([frame("second"), frame("third"), frame("fourth")]);
  for (const byte of lost) client.socket.write(Buffer.of(byte));
  await eventually(() => client.text().includes("fourth"));
  assert.equal(client.text(), [frame("first"), frame("fourth")].join(""));
  assert.match(echo.received(), /second.*third.*fourth/s);
});

test("without frames nothing can be swallowed, and bytes that are no frames pass", async (t) => {
  const { proxy, client } = await openBetween(t, { framed: false });
  client.socket.write("HTTP/1.1 200 OK");
  await eventually(() => client.text() === "HTTP/1.1 200 OK");
  assert.throws(() => proxy.swallowResponses(1), /single responses/);
});

test("half-open connections carry nothing and stay open; new ones work; healed ones go on", async (t) => {
  const { proxy, client, echo } = await openBetween(t);
  await roundTrip(client, "before");
  proxy.halfOpen();
  proxy.halfOpen();
  client.socket.write(frame("request"));
  for (const socket of echo.sockets) socket.write(frame("response"));
  const other = openClient(t, proxy.port);
  for (const message of ["other 1", "other 2", "other 3"]) await roundTrip(other, message);
  assert.equal(client.text(), frame("before").toString());
  assert.doesNotMatch(echo.received(), /request/);
  assert.equal(client.closed(), false);
  proxy.heal();
  await eventually(() => client.text().includes("response") && client.text().includes("request"));
});

test("a half-open connection tells neither side that the other has gone", async (t) => {
  const { proxy, client, echo } = await openBetween(t);
  await roundTrip(client, "before");
  proxy.halfOpen();
  client.socket.destroy();
  await roundTrip(openClient(t, proxy.port), "other");
  assert.equal(echo.sockets.size, 2);
  proxy.cut();
  await eventually(() => echo.sockets.size === 0);
});

test("closing ends everything, delayed responses too, and may be repeated", async (t) => {
  const { proxy, client, echo } = await openBetween(t);
  proxy.delay(60_000);
  client.socket.write(frame("never answered"));
  await eventually(() => echo.received().includes("never answered"));
  await proxy[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await eventually(client.closed);
  assert.equal(client.text(), "");
});

test("frames are found wherever the stream is cut", () => {
  const texts = fc.array(fc.tuple(fc.string({ maxLength: 12 }), fc.boolean()), { maxLength: 8 });
  fc.assert(
    fc.property(texts, fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (frames, sizes) => {
      const answers = frames.map(([, dropped]) => dropped).values();
      const filter = createFrameFilter(() => answers.next().value ?? false);
      let stream = Buffer.concat(frames.map(([text]) => frame(text)));
      const kept: Buffer[] = [];
      while (stream.length > 0) {
        const size = sizes.next().value;
        kept.push(...filter(stream.subarray(0, size)));
        stream = stream.subarray(size);
      }
      const expected = frames.filter(([, dropped]) => !dropped).map(([text]) => frame(text));
      assert.deepEqual(Buffer.concat(kept), Buffer.concat(expected));
    }),
  );
});

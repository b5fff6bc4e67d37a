import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { pino } from "pino";
import type { Accept } from "../../src/core/acknowledgement.ts";
import { ok } from "../../src/core/result.ts";
import { createAdmission } from "../../src/core/signature.ts";
import { type IngressOptions, openIngress } from "../../src/io/ingress/ingress.ts";
import { createTelemetry } from "../../src/telemetry.ts";
import { type Metrics, parseMetrics } from "./metrics.ts";

export const anyone = createAdmission({
  auth: [],
  hmacKeys: [],
  hmacScheme: "tsign",
  hmacMaxAgeMs: 0,
  tokens: [],
  basicUsers: [],
});

export const noLimits: IngressOptions["network"] = {
  tls: null,
  allowIps: [],
  trustProxy: [],
  maxBytesInFlight: 2 ** 30,
  maxConnections: 100_000,
  maxConnectionsPerAddress: 0,
  idleTimeoutMs: 72_000,
  rateLimit: 0,
};

export const accepts: Accept = () => Promise.resolve(ok({ after: "published", event: "envelope-finished" }));
export const never: Accept = () => new Promise(() => {});

/** An ingress on a free port that admits anyone and acknowledges at once, unless told otherwise. */
export const openTestIngress = async (t: TestContext, options: Partial<IngressOptions> = {}) => {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const telemetry = createTelemetry(log, "0", Date.now);
  const ingress = await openIngress({
    host: "127.0.0.1",
    port: 0,
    path: "/callback",
    tokenInPath: false,
    asksForPassword: false,
    bodyLimitBytes: 1000,
    maxInFlight: 100,
    deadlineMs: 3000,
    network: noLimits,
    admit: anyone,
    accept: accepts,
    telemetry,
    capture: false,
    clock: Date.now,
    ...options,
  });
  t.after(ingress.close);
  const nothing = { pendingRecords: 0, oldestPendingAt: null, bytes: 0 };
  const metrics = async (): Promise<Metrics> => parseMetrics(await telemetry.exposition(nothing));
  return { ...ingress, metrics, lines };
};

export type RawConnection = {
  readonly socket: Socket;
  readonly send: (text: string) => void;
  /** All that has come so far. */
  readonly received: () => string;
  /** Resolves with all that came, when the other side has let go. */
  readonly ended: Promise<string>;
};

/** A connection on which anything can be sent, whether HTTP or not. */
export const openRaw = (t: TestContext, port: number, localAddress = "127.0.0.1"): RawConnection => {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  t.after(() => socket.destroy());
  let text = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
  });
  // A reset ends a connection too.
  socket.on("error", () => undefined);
  const ended = new Promise<string>((resolve) => {
    socket.once("close", () => resolve(text));
  });
  return { socket, send: (more) => void socket.write(more), received: () => text, ended };
};

export const answersIn = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

/** Sends the text and waits until the other side lets go. */
export const exchangeRaw = (t: TestContext, port: number, text: string): Promise<string> => {
  const { send, ended } = openRaw(t, port);
  send(text);
  return ended;
};

/** A request that ends its connection, unless the headers say otherwise. */
export const requestOf = (first: string, headers: readonly string[], body = ""): string =>
  `${[first, "Host: x", ...headers].join("\r\n")}\r\n\r\n${body}`;

export const postOf = (body: string, ...headers: string[]): string =>
  requestOf("POST /callback HTTP/1.1", [`Content-Length: ${Buffer.byteLength(body)}`, ...headers], body);

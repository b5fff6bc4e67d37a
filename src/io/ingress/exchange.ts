import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Acknowledgement } from "../../core/acknowledgement.ts";
import type { Refusal } from "../../core/result.ts";
import type { Telemetry } from "../../telemetry.ts";
import { answerOf } from "./answers.ts";
import { capture } from "./capturing.ts";
import { limitChunks } from "./chunks.ts";
import { stopParsing } from "./parser.ts";
import type { Spread } from "./spread.ts";

/** What eSignGlobal asks for, byte by byte: https://www.esignglobal.com/developer-center/api/e3esec8grw834hdls3c5uket */
const success = '{"code":"200","msg":"success"}';
const successHead = { "content-type": "application/json", "content-length": success.length };
const lastSuccessHead = { ...successHead, connection: "close" };
/** Seconds, by status. The sender has its own ladder of retries; this is for proxies and people. */
const retryAfter: Readonly<Record<number, string>> = { 429: "1", 503: "10" };

/** One request and its answer. */
export type Exchange = {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly context: ExchangeContext;
  readonly connection: Connection;
  /** Of its connection, from 1. */
  readonly number: number;
  readonly startedAt: number;
  /** What is held of the body, and room for more; `bytes` says how much is filled. */
  body: Buffer;
  bytes: number;
  /** True: one of those that wait, under `maxInFlight`. */
  waiting: boolean;
  /** Null as long as there is no answer: the first one counts, and is counted once. */
  outcome: Acknowledgement["after"] | "refused" | null;
  refusal: Refusal | null;
};

declare module "fastify" {
  interface FastifyRequest {
    exchange: Exchange | null;
  }
}

type Connection = {
  /** An error of the connection may be about it. Null when it is whole and over: nobody else would let go of it and its body. */
  latest: Exchange | null;
  requests: number;
  /** For what no sender of ours does. */
  refusals: number;
  /** Number of the request whose answer is the last one; null in health. */
  last: number | null;
  /** What is to be done at the end of each request that is under way, as a rule one. A set would cost more memory at each. */
  readonly open: (() => void)[];
};

export type Gate = {
  closing: boolean;
  /** Admitted, and not answered yet. Who is not admitted is bounded by connections and bytes, and keeps out nobody. */
  waiting: number;
  /** Of all bodies that are held. */
  bytes: number;
  /** Those whose body is still coming. */
  readonly reading: Set<Exchange>;
  readonly connections: WeakMap<Socket, Connection>;
};
export type ExchangeContext = {
  readonly gate: Gate;
  /** For the log: where a request comes from. */
  readonly callerOf: (request: IncomingMessage) => string;
  readonly telemetry: Telemetry;
  /** For refusing whoever was too slow. */
  readonly spread: Spread;
  /** Milliseconds that a request may take until its answer. */
  readonly deadlineMs: number;
  readonly path: string;
  /** Some clients send user and password only when they are asked for them. */
  readonly asksForPassword: boolean;
  /** True: names and shapes of each delivery are logged. */
  readonly capture: boolean;
};

const nothing = Buffer.alloc(0);
const letGoOfBody = (exchange: Exchange): void => {
  const { gate } = exchange.context;
  gate.bytes -= exchange.bytes;
  gate.reading.delete(exchange);
  exchange.bytes = 0;
  exchange.body = nothing;
};

/**
 * So many requests may be refused on a connection. What comes after them is not looked at: a stranger who sends thousands
 * in one piece would have all others wait for it.
 */
const mostRefusals = 10;
export const isGivenUp = ({ connections }: Gate, socket: Socket): boolean =>
  (connections.get(socket)?.last ?? null) !== null;
/** Answers stand in the order of their requests: all up to the last one are given. */
export const isBehindLast = ({ connection, number }: Exchange): boolean =>
  connection.last !== null && number > connection.last;

const countRefusal = ({ connection, context, number, request, reply }: Exchange): void => {
  connection.refusals += 1;
  if (connection.refusals !== mostRefusals) return;
  connection.last = number;
  reply.header("connection", "close");
  stopParsing(request.raw.socket);
  context.telemetry.connectionRefused("too-many-refusals", context.callerOf(request.raw));
};

/** The rest of a body that was refused is read to the deadline: closing at once could take the answer with it. */
export const refuse = (exchange: Exchange, code: Refusal): void => {
  const { context, request, reply } = exchange;
  if (exchange.outcome !== null) return;
  exchange.outcome = "refused";
  exchange.refusal = code;
  letGoOfBody(exchange);
  const { status, body } = answerOf(code);
  context.telemetry.callbackRefused(code, () => context.callerOf(request.raw));
  // Of whoever is none of ours, or sends what none of ours does; not where we are what is in the way.
  if (status < 429) countRefusal(exchange);
  const seconds = retryAfter[status];
  if (seconds !== undefined) reply.header("retry-after", seconds);
  if (status === 405) reply.header("allow", "POST");
  // Whatever was wrong: else the answer would tell that the token or the signature was right.
  if (status === 401 && context.asksForPassword) reply.header("www-authenticate", 'Basic realm="callbacks"');
  reply.code(status).header("content-type", "application/json").send(body);
};

/** For good: what follows on this connection is not read. */
export const refuseAndClose = (exchange: Exchange, code: Refusal): void => {
  exchange.reply.header("connection", "close");
  refuse(exchange, code);
};

export const acknowledge = (exchange: Exchange, { after, event }: Acknowledgement): void => {
  if (exchange.outcome !== null) return;
  exchange.outcome = after;
  exchange.context.telemetry.callbackAcknowledged(event, after);
  const { reply } = exchange;
  // Past fastify, which would name a charset for a text; and a Buffer would leave behind its head, in a piece of its own.
  reply.hijack();
  const isLast = reply.hasHeader("connection");
  reply.raw.writeHead(200, isLast ? lastSuccessHead : successHead).end(success, "latin1");
};

/** A fault of ours: the process ends, and the journal makes that safe. */
export const endByFault = (exchange: Exchange, error: unknown): void => {
  queueMicrotask(() => {
    throw error;
  });
  refuse(exchange, "closing");
};

/** Milliseconds to take the answer from us. */
const takeMs = 1000;

/** Who does not read what is answered would else hold it, and its place, for ever. */
const endUnlessTaken = ({ request, reply }: Exchange): void => {
  if (!reply.raw.writableFinished) request.raw.socket.destroy();
};

const giveUp = (exchange: Exchange): void => {
  const { complete } = exchange.request.raw;
  if (exchange.outcome === null && complete) refuse(exchange, "deadline-passed");
  else if (exchange.outcome === null) refuseAndClose(exchange, "body-too-slow");
  else if (!complete) exchange.request.raw.destroy();
  if (!exchange.reply.raw.writableFinished) setTimeout(endUnlessTaken, takeMs, exchange);
};

/** Nothing is waited for any longer, neither the body nor whoever keeps it. */
const onDeadline = (exchange: Exchange): void => {
  const { complete, destroyed } = exchange.request.raw;
  if (complete || destroyed) giveUp(exchange);
  else exchange.context.spread(() => giveUp(exchange));
};

/** Once. An answer that stands behind another on a connection that breaks off is never closed: Node forgets it. */
const whenOver = ({ connection, reply }: Exchange, then: () => void): void => {
  const over = (): void => {
    const at = connection.open.indexOf(over);
    if (at < 0) return;
    connection.open.splice(at, 1);
    then();
  };
  connection.open.push(over);
  reply.raw.on("close", over);
};

const connectionOf = ({ connections }: Gate, socket: Socket): Connection => {
  const known = connections.get(socket);
  if (known !== undefined) return known;
  const connection: Connection = { latest: null, requests: 0, refusals: 0, last: null, open: [] };
  connections.set(socket, connection);
  socket.once("close", () => {
    // A copy: each takes itself out.
    for (const over of connection.open.slice()) over();
  });
  return connection;
};

export const begin = (context: ExchangeContext, request: FastifyRequest, reply: FastifyReply): Exchange => {
  const { gate, telemetry, deadlineMs } = context;
  const connection = connectionOf(gate, request.raw.socket);
  connection.requests += 1;
  const exchange: Exchange = {
    request,
    reply,
    context,
    connection,
    number: connection.requests,
    startedAt: performance.now(),
    body: nothing,
    bytes: 0,
    waiting: false,
    outcome: null,
    refusal: null,
  };
  request.exchange = exchange;
  connection.latest = exchange;
  telemetry.callbackArrived();
  limitChunks(request.raw, () => refuse(exchange, "request-malformed"));
  const timer = setTimeout(onDeadline, deadlineMs, exchange);
  whenOver(exchange, () => {
    if (request.raw.complete) clearTimeout(timer);
    if (exchange.waiting) gate.waiting -= 1;
    letGoOfBody(exchange);
    if (connection.latest === exchange && request.raw.complete) connection.latest = null;
    telemetry.callbackAnswered(
      exchange.outcome ?? "refused",
      (performance.now() - exchange.startedAt) / 1000,
    );
    if (context.capture) capture(exchange);
  });
  return exchange;
};

export const exchangeOf = (
  context: ExchangeContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Exchange => request.exchange ?? begin(context, request, reply);

import { STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Acknowledgement } from "../../core/acknowledgement.ts";
import { toCaptured } from "../../core/capture.ts";
import { failures, type Refusal } from "../../core/result.ts";
import type { AcknowledgedAfter, Telemetry } from "../../telemetry.ts";

/** What eSignGlobal asks for, byte by byte (vendor/callbacks.md, section 2). */
const success = Buffer.from('{"code":"200","msg":"success"}');
/** Seconds. The sender has its own ladder of retries; this is for proxies and people. */
const retryAfter = "10";

type RefusalAnswer = { readonly status: number; readonly body: Buffer };

/** Why a signature or a token was refused is for the metrics, not for the caller. */
const publicCode = (code: Refusal): string => (failures[code].status === 401 ? "unauthenticated" : code);

const answerOf = (code: Refusal): RefusalAnswer => {
  const { status } = failures[code];
  return { status, body: Buffer.from(JSON.stringify({ code: String(status), msg: publicCode(code) })) };
};

/** fastify's and Node's own errors about a request, as ours. */
export const refusalByCode: ReadonlyMap<string, Refusal> = new Map([
  ["FST_ERR_CTP_BODY_TOO_LARGE", "body-too-large"],
  ["FST_ERR_MAX_PARAM_LENGTH", "path-unknown"],
  ["FST_ERR_ROUTE_MISSING_CONTENT_TYPE", "method-not-allowed"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "body-too-slow"],
  ["HPE_HEADER_OVERFLOW", "headers-too-large"],
  ["ECONNRESET", "request-malformed"],
]);

export type CodedError = Error & { code?: string };

/** One request and its answer. */
export type Exchange = {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly telemetry: Telemetry;
  readonly startedAt: number;
  /** Null as long as there is no answer: the first one counts, and is counted once. */
  outcome: AcknowledgedAfter | "refused" | null;
  refusal: Refusal | null;
};

declare module "fastify" {
  interface FastifyRequest {
    exchange: Exchange | null;
  }
}

/** The latest of each connection: an error of the connection may be about it. */
export type Gate = { inFlight: number; closing: boolean; readonly latest: WeakMap<Socket, Exchange> };
export type ExchangeContext = {
  readonly gate: Gate;
  readonly telemetry: Telemetry;
  /** Milliseconds that a request may take until its answer. */
  readonly deadlineMs: number;
  readonly path: string;
  /** True: names and shapes of each delivery are logged. */
  readonly capture: boolean;
};

/** Some clients send user and password only when they are asked for them. */
const challenge = (code: Refusal): boolean => code === "basic-missing" || code === "basic-mismatch";

/** The rest of a body that was refused is read to the deadline: closing at once could take the answer with it. */
export const refuse = (exchange: Exchange, code: Refusal): void => {
  const { telemetry, reply } = exchange;
  if (exchange.outcome !== null) return;
  exchange.outcome = "refused";
  exchange.refusal = code;
  const { status, body } = answerOf(code);
  telemetry.callbackRefused(code);
  if (status === 503) reply.header("retry-after", retryAfter);
  if (status === 405) reply.header("allow", "POST");
  if (challenge(code)) reply.header("www-authenticate", 'Basic realm="callbacks"');
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
  exchange.telemetry.callbackAcknowledged(event, after);
  exchange.reply.header("content-type", "application/json").send(success);
};

/** A fault of ours: the process ends, and the journal makes that safe. */
export const endByFault = (exchange: Exchange, error: unknown): void => {
  queueMicrotask(() => {
    throw error;
  });
  refuse(exchange, "closing");
};

/** Nothing is waited for any longer, neither the body nor whoever keeps it. */
const onDeadline = (exchange: Exchange): void => {
  const { complete } = exchange.request.raw;
  if (exchange.outcome === null && complete) refuse(exchange, "deadline-passed");
  else if (exchange.outcome === null) refuseAndClose(exchange, "body-too-slow");
  else if (!complete) exchange.request.raw.destroy();
};

const capture = (exchange: Exchange, callbackPath: string): void => {
  const { request, telemetry } = exchange;
  const { method, url, body } = request;
  const { rawHeaders } = request.raw;
  const outcome = exchange.refusal ?? exchange.outcome ?? "unanswered";
  telemetry.deliveryCaptured(() => {
    const bodyBytes = Buffer.isBuffer(body) ? body.length : null;
    return toCaptured({ method, url, rawHeaders, bodyBytes, outcome }, callbackPath);
  });
};

/** Once. An answer that stands behind another on a connection that breaks off is never closed: Node forgets it. */
const whenOver = ({ request, reply }: Exchange, then: () => void): void => {
  const { socket } = request.raw;
  let isOver = false;
  const over = (): void => {
    // Taking a listener away does not stop the event that is on its way to it.
    if (isOver) return;
    isOver = true;
    reply.raw.off("close", over);
    socket.off("close", over);
    then();
  };
  // As many as are sent one behind the other.
  socket.setMaxListeners(0);
  socket.once("close", over);
  reply.raw.once("close", over);
};

export const begin = (context: ExchangeContext, request: FastifyRequest, reply: FastifyReply): Exchange => {
  const { gate, telemetry, deadlineMs } = context;
  const startedAt = performance.now();
  const exchange: Exchange = { request, reply, telemetry, startedAt, outcome: null, refusal: null };
  request.exchange = exchange;
  gate.latest.set(request.raw.socket, exchange);
  gate.inFlight += 1;
  telemetry.callbackArrived();
  const timer = setTimeout(onDeadline, deadlineMs, exchange);
  whenOver(exchange, () => {
    if (request.raw.complete) clearTimeout(timer);
    gate.inFlight -= 1;
    telemetry.callbackAnswered(exchange.outcome ?? "refused", (performance.now() - startedAt) / 1000);
    if (context.capture) capture(exchange, context.path);
  });
  return exchange;
};

export const exchangeOf = (
  context: ExchangeContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Exchange => request.exchange ?? begin(context, request, reply);

/** Of a request that never became one: there is no reply to put the answer in. */
const refuseOnSocket = (telemetry: Telemetry, code: Refusal, socket: Socket): void => {
  telemetry.callbackRefused(code);
  const { status, body } = answerOf(code);
  const allow = status === 405 ? "Allow: POST\r\n" : "";
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n`;
  socket.end(
    `${head}${allow}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString()}`,
    () => socket.destroy(),
  );
};

/** Answers stand in the order of their requests: what came before is answered first. */
const refuseBehind = (context: ExchangeContext, code: Refusal, socket: Socket): void => {
  const before = context.gate.latest.get(socket)?.reply.raw;
  if (before === undefined || before.writableFinished) refuseOnSocket(context.telemetry, code, socket);
  else before.once("finish", () => refuseOnSocket(context.telemetry, code, socket));
};

/** What Node says about a connection: it is about the body that is arriving, or about a head that is none. */
export const createSocketRefusal = (context: ExchangeContext) => (error: CodedError, socket: Socket) => {
  const code = refusalByCode.get(error.code ?? "") ?? "request-malformed";
  const latest = context.gate.latest.get(socket);
  // Hung up, or never said a word: nobody waits for an answer.
  if (!socket.writable || error.code === "ECONNRESET" || socket.bytesRead === 0) socket.destroy();
  else if (latest?.request.raw.complete === false) refuseAndClose(latest, code);
  else if (latest?.outcome === null) {
    // The answer of the request before is still to come, and is the last one.
    context.telemetry.callbackRefused(code);
    latest.reply.header("connection", "close");
  } else refuseBehind(context, code, socket);
};

/** Node tells of CONNECT apart from other methods, and would hang up without an answer. */
export const createTunnelRefusal =
  (context: ExchangeContext) =>
  (_request: unknown, socket: Duplex): void => {
    // Node has taken its own listener away: a reset would end the process.
    socket.on("error", () => socket.destroy());
    if (socket instanceof Socket) refuseBehind(context, "method-not-allowed", socket);
    else socket.destroy();
  };

import { STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Refusal } from "../../core/result.ts";
import type { Telemetry } from "../../telemetry.ts";
import { answerOf, type CodedError, refusalByCode } from "./answers.ts";
import { type Exchange, type ExchangeContext, isBehindLast, isGivenUp, refuseAndClose } from "./exchange.ts";

const peerOf = ({ remoteAddress = "unknown" }: Socket): string => remoteAddress;

/** Of a request that never became one: there is no reply to put the answer in. */
const refuseOnSocket = (telemetry: Telemetry, code: Refusal, socket: Socket): void => {
  telemetry.callbackRefused(code, () => peerOf(socket));
  const { status, body } = answerOf(code);
  const allow = status === 405 ? "Allow: POST\r\n" : "";
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n`;
  socket.end(
    `${head}${allow}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString()}`,
    () => socket.destroy(),
  );
};

const nobodyWaits = ({ code }: CodedError, { writable }: Socket): boolean =>
  !writable || code === "ECONNRESET";

/** Answers stand in the order of their requests: what came before is answered first. */
const refuseBehind = (context: ExchangeContext, code: Refusal, socket: Socket): void => {
  const before = context.gate.connections.get(socket)?.latest?.reply.raw;
  if (before === undefined || before.writableFinished) refuseOnSocket(context.telemetry, code, socket);
  else before.once("finish", () => refuseOnSocket(context.telemetry, code, socket));
};

/** Its client has hung up, or sends nonsense. What stands before it is answered first. */
const endBody = (exchange: Exchange, code: Refusal, socket: Socket): void => {
  const { raw } = exchange.reply;
  if (exchange.outcome === null && !isBehindLast(exchange)) refuseAndClose(exchange, code);
  else if (raw.writableFinished) socket.destroy();
  else raw.once("finish", () => socket.destroy());
};

/** Milliseconds for whatever follows on a connection that was nearly given up. */
const secondChanceMs = 5000;
/** Its time is up, and nothing was read: was nothing sent, or had we no time to read? What waits is read in this turn. */
const endIfSilent = ({ gate }: ExchangeContext, socket: Socket): void => {
  setImmediate(() => {
    if (socket.bytesRead === 0) socket.destroy();
    // Node has the time of a head begin with its first letter, and of line breaks before it none.
    else if (!gate.connections.has(socket)) socket.setTimeout(secondChanceMs);
  });
};

const refusalOf = ({ code = "" }: CodedError): Refusal => refusalByCode.get(code) ?? "request-malformed";

/** What Node says about a connection: it is about the body that is arriving, or about a head that is none. */
const refuseFor = (context: ExchangeContext, error: CodedError, socket: Socket): void => {
  const code = refusalOf(error);
  const latest = context.gate.connections.get(socket)?.latest;
  if (nobodyWaits(error, socket)) socket.destroy();
  else if (latest?.request.raw.complete === false) endBody(latest, code, socket);
  // Its last answer is given, or will be; it says so itself.
  else if (isGivenUp(context.gate, socket)) return;
  else if (latest?.outcome === null) {
    // The answer of the request before is still to come, and is the last one.
    context.telemetry.callbackRefused(code, () => peerOf(socket));
    latest.reply.header("connection", "close");
  } else refuseBehind(context, code, socket);
};

/** Refused later than Node has said so, unless it has gone on meanwhile: a request that is whole has a time of its own. */
const refuseLater = (context: ExchangeContext, error: CodedError, socket: Socket): void => {
  const { connections } = context.gate;
  const state = () => {
    const { requests = 0, latest = null } = connections.get(socket) ?? {};
    return { requests, isWhole: latest?.request.raw.complete !== false };
  };
  const before = state();
  context.spread(() => {
    const { requests, isWhole } = state();
    if (requests === before.requests && isWhole === before.isWhole) refuseFor(context, error, socket);
  });
};

/** For Node's `clientError`. */
export const createSocketRefusal =
  (context: ExchangeContext) =>
  (error: CodedError, socket: Socket): void => {
    if (error.code !== "ERR_HTTP_REQUEST_TIMEOUT") refuseFor(context, error, socket);
    else if (socket.bytesRead === 0) context.spread(() => endIfSilent(context, socket));
    else refuseLater(context, error, socket);
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

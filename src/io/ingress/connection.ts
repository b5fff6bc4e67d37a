import { STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Refusal } from "../../core/result.ts";
import type { Telemetry } from "../../telemetry.ts";
import { answerOf, type CodedError, refusalByCode } from "./answers.ts";
import { type ExchangeContext, isGivenUp, refuseAndClose } from "./exchange.ts";

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

/** Hung up, or never said a word. */
const nobodyWaits = ({ code }: CodedError, { writable, bytesRead }: Socket): boolean =>
  !writable || code === "ECONNRESET" || bytesRead === 0;

/** Answers stand in the order of their requests: what came before is answered first. */
const refuseBehind = (context: ExchangeContext, code: Refusal, socket: Socket): void => {
  const before = context.gate.connections.get(socket)?.latest?.reply.raw;
  if (before === undefined || before.writableFinished) refuseOnSocket(context.telemetry, code, socket);
  else before.once("finish", () => refuseOnSocket(context.telemetry, code, socket));
};

/** What Node says about a connection: it is about the body that is arriving, or about a head that is none. */
export const createSocketRefusal = (context: ExchangeContext) => (error: CodedError, socket: Socket) => {
  const code = refusalByCode.get(error.code ?? "") ?? "request-malformed";
  const latest = context.gate.connections.get(socket)?.latest;
  if (nobodyWaits(error, socket)) socket.destroy();
  // Its last answer is given, or will be; it says so itself.
  else if (isGivenUp(context.gate, socket)) return;
  else if (latest?.request.raw.complete === false) refuseAndClose(latest, code);
  else if (latest?.outcome === null) {
    // The answer of the request before is still to come, and is the last one.
    context.telemetry.callbackRefused(code, () => peerOf(socket));
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

import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Accept } from "../accept.ts";
import { failures, type Refusal } from "../core/result.ts";
import type { Admission } from "../core/signature.ts";
import type { AcknowledgedAfter, Telemetry } from "../telemetry.ts";

export type IngressOptions = {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** True: `<path>/<token>` is an address too. */
  readonly tokenInPath: boolean;
  readonly bodyLimitBytes: number;
  readonly maxInFlight: number;
  /** Milliseconds that a request may take to arrive. */
  readonly deadlineMs: number;
  readonly admit: Admission;
  readonly accept: Accept;
  readonly telemetry: Telemetry;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

export type Ingress = {
  /** The port listened on. */
  readonly port: number;
  /** Refuses what is new with 503, answers what is in flight and stops listening. */
  readonly close: () => Promise<void>;
};

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

/** fastify's and Node's own errors about a request, as ours. Anything else is a fault of the bridge. */
const refusalByCode: ReadonlyMap<string, Refusal> = new Map([
  ["FST_ERR_CTP_BODY_TOO_LARGE", "body-too-large"],
  ["FST_ERR_CTP_INVALID_CONTENT_LENGTH", "request-malformed"],
  ["FST_ERR_CTP_INVALID_MEDIA_TYPE", "request-malformed"],
  ["FST_ERR_BAD_URL", "request-malformed"],
  ["FST_ERR_MAX_PARAM_LENGTH", "path-unknown"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "body-too-slow"],
  ["HPE_HEADER_OVERFLOW", "headers-too-large"],
  ["ECONNRESET", "request-malformed"],
]);

type Timed = { startedAt: number; outcome: AcknowledgedAfter | "refused" };

declare module "fastify" {
  interface FastifyRequest {
    timed: Timed | null;
  }
}

const isIdentity = (encoding: string | undefined): boolean =>
  encoding === undefined || encoding.trim().toLowerCase() === "identity" || encoding.trim() === "";

const addressOf = (url: string): { path: string; query: string } => {
  const mark = url.indexOf("?");
  return mark < 0 ? { path: url, query: "" } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
};

/** Requests that never became one for fastify: answered on the bare socket. */
const refuseSocket = (telemetry: Telemetry) => (error: Error & { code?: string }, socket: Socket) => {
  const code = refusalByCode.get(error.code ?? "") ?? "request-malformed";
  telemetry.callbackRefused(code);
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const { status, body } = answerOf(code);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n`;
  socket.end(`${head}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString()}`);
};

const createApp = ({ bodyLimitBytes, deadlineMs, telemetry }: IngressOptions): FastifyInstance => {
  const app = fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: deadlineMs,
    return503OnClosing: false,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 1024 },
    http: { headersTimeout: deadlineMs, connectionsCheckingInterval: 200 },
    clientErrorHandler: refuseSocket(telemetry),
    frameworkErrors: (error, request, reply) => {
      refuse({ telemetry, request, reply }, refusalByCode.get(error.code) ?? "request-malformed");
    },
  });
  // Raw bytes of every type: a signature covers what was sent, and a content type decides nothing here.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.decorateRequest("timed", null);
  return app;
};

type Exchange = {
  readonly telemetry: Telemetry;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

const refuse = ({ telemetry, reply }: Exchange, code: Refusal): void => {
  const { status, body } = answerOf(code);
  telemetry.callbackRefused(code);
  if (status === 503) reply.header("retry-after", retryAfter);
  if (status === 405) reply.header("allow", "POST");
  reply.code(status).header("content-type", "application/json").send(body);
};

type Gate = { inFlight: number; closing: boolean };

/** Before the body is read: what can be refused without it. */
const addGate = (app: FastifyInstance, gate: Gate, { maxInFlight, telemetry }: IngressOptions): void => {
  app.addHook("onRequest", (request, reply, done) => {
    const timed: Timed = { startedAt: performance.now(), outcome: "refused" };
    request.timed = timed;
    gate.inFlight += 1;
    telemetry.callbackArrived();
    reply.raw.once("close", () => {
      gate.inFlight -= 1;
      telemetry.callbackAnswered(timed.outcome, (performance.now() - timed.startedAt) / 1000);
    });
    delete request.headers["content-type"];
    const exchange = { telemetry, request, reply };
    if (gate.closing) refuse({ ...exchange, reply: reply.header("connection", "close") }, "closing");
    else if (gate.inFlight > maxInFlight) refuse(exchange, "in-flight-limit");
    else if (!isIdentity(request.headers["content-encoding"])) refuse(exchange, "encoding-unsupported");
    else done();
  });
};

const addCallbackRoute = (app: FastifyInstance, options: IngressOptions): void => {
  const { path, tokenInPath, admit, accept, telemetry, clock } = options;
  const urls = tokenInPath ? [path, `${path}/:token`] : [path];
  const handler = async (request: FastifyRequest<{ Params: { token?: string } }>, reply: FastifyReply) => {
    const exchange = { telemetry, request, reply };
    const { query } = addressOf(request.url);
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const pathToken = request.params.token ?? null;
    const admitted = admit({ headers: request.headers, query, pathToken, body }, clock());
    if (!admitted.ok) return refuse(exchange, admitted.code);
    telemetry.callbackAdmitted(admitted.value.source);
    const accepted = await accept(admitted.value);
    if (!accepted.ok) return refuse(exchange, accepted.code);
    const { after, event } = accepted.value;
    telemetry.callbackAcknowledged(event, after);
    if (request.timed !== null) request.timed.outcome = after;
    return reply.header("content-type", "application/json").send(success);
  };
  for (const url of urls) app.post(url, handler);
};

const addRefusals = (app: FastifyInstance, { path, tokenInPath, telemetry }: IngressOptions): void => {
  const isCallbackPath = (candidate: string): boolean =>
    candidate === path ||
    (tokenInPath && candidate.startsWith(`${path}/`) && !candidate.slice(path.length + 1).includes("/"));
  app.setNotFoundHandler((request, reply) => {
    const known = isCallbackPath(addressOf(request.url).path);
    refuse({ telemetry, request, reply }, known ? "method-not-allowed" : "path-unknown");
  });
  app.setErrorHandler((error: Error & { code?: string }, request, reply) => {
    const code = refusalByCode.get(error.code ?? "");
    if (code !== undefined) return refuse({ telemetry, request, reply }, code);
    // A fault of ours: the process ends, and the journal makes that safe.
    queueMicrotask(() => {
      throw error;
    });
    return refuse({ telemetry, request, reply }, "closing");
  });
};

/** Listens for callbacks. Rejects with Node's error when the address cannot be had. */
export const openIngress = async (options: IngressOptions): Promise<Ingress> => {
  const app = createApp(options);
  const gate: Gate = { inFlight: 0, closing: false };
  addGate(app, gate, options);
  addCallbackRoute(app, options);
  addRefusals(app, options);
  await app.listen({ host: options.host, port: options.port });
  const address = app.server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close: async () => {
      gate.closing = true;
      await app.close();
    },
  };
};

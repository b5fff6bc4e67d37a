import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Accept } from "../../core/acknowledgement.ts";
import type { Admission } from "../../core/signature.ts";
import type { Telemetry } from "../../telemetry.ts";
import {
  acknowledge,
  begin,
  type CodedError,
  createSocketRefusal,
  createTunnelRefusal,
  endByFault,
  type Exchange,
  exchangeOf,
  type Gate,
  refusalByCode,
  refuse,
  refuseAndClose,
} from "./exchange.ts";

export type IngressOptions = {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** True: `<path>/<token>` is an address too. */
  readonly tokenInPath: boolean;
  readonly bodyLimitBytes: number;
  readonly maxInFlight: number;
  /** Milliseconds from a request's head to its answer, whatever hangs. */
  readonly deadlineMs: number;
  readonly admit: Admission;
  readonly accept: Accept;
  readonly telemetry: Telemetry;
  /** True: names and shapes of each delivery are logged. */
  readonly capture: boolean;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

export type Ingress = {
  /** The port listened on. */
  readonly port: number;
  /** Refuses what is new with 503, answers what is in flight and stops listening. */
  readonly close: () => Promise<void>;
};

type Context = IngressOptions & { readonly gate: Gate };

const isIdentity = (encoding: string | undefined): boolean =>
  encoding === undefined || encoding.trim().toLowerCase() === "identity" || encoding.trim() === "";

const addressOf = (url: string): { path: string; query: string } => {
  const mark = url.indexOf("?");
  return mark < 0 ? { path: url, query: "" } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
};

/**
 * Milliseconds for the head of a request, whose time the deadline cannot count: both together stay below the 5 s that the
 * sender waits.
 */
const headMs = (deadlineMs: number): number => Math.min(deadlineMs, Math.max(500, 4500 - deadlineMs));

const createApp = (context: Context): FastifyInstance => {
  const { bodyLimitBytes, deadlineMs } = context;
  const app = fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: deadlineMs,
    return503OnClosing: false,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 1024 },
    http: {
      headersTimeout: headMs(deadlineMs),
      connectionsCheckingInterval: 200,
      requireHostHeader: false,
    },
    clientErrorHandler: createSocketRefusal(context),
    frameworkErrors: (error, request, reply) => {
      const code = refusalByCode.get(error.code) ?? "request-malformed";
      refuse(exchangeOf(context, request, reply), code);
    },
  });
  // An expectation that nobody knows is no reason to refuse a callback.
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));
  // Node would write the interim answer into the one before, where requests are sent one behind the other.
  app.server.on("checkContinue", (request, response) => {
    if (response.socket !== null) response.writeContinue();
    app.server.emit("request", request, response);
  });
  app.server.on("connect", createTunnelRefusal(context));
  // Raw bytes of every type: a signature covers what was sent, and a content type decides nothing here.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.decorateRequest("exchange", null);
  return app;
};

/** Before the body is read: what can be refused without it. */
const addGate = (app: FastifyInstance, context: Context): void => {
  const { gate, maxInFlight } = context;
  app.addHook("onRequest", (request, reply, done) => {
    const exchange = begin(context, request, reply);
    delete request.headers["content-type"];
    if (gate.closing) refuseAndClose(exchange, "closing");
    else if (gate.inFlight > maxInFlight) refuse(exchange, "in-flight-limit");
    else if (!isIdentity(request.headers["content-encoding"])) refuse(exchange, "encoding-unsupported");
    else done();
  });
};

/** Milliseconds of the deadline that are kept for writing the answer. */
const answerMs = 10;

const addCallbackRoute = (app: FastifyInstance, context: Context): void => {
  const { path, tokenInPath, admit, accept, telemetry, clock, deadlineMs, gate } = context;
  const urls = tokenInPath ? [path, `${path.replace(/\/+$/, "")}/:token`] : [path];

  const answer = async (exchange: Exchange, pathToken: string | null): Promise<void> => {
    const { request, reply, startedAt } = exchange;
    const { query } = addressOf(request.url);
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const admitted = admit({ headers: request.headers, query, pathToken, body }, clock());
    if (!admitted.ok) return refuse(exchange, admitted.code);
    telemetry.callbackAdmitted(admitted.value.source);
    const msLeft = Math.trunc(deadlineMs - answerMs - (performance.now() - startedAt));
    const accepted = await accept(admitted.value, Math.max(0, msLeft));
    if (gate.closing) reply.header("connection", "close");
    if (accepted.ok) acknowledge(exchange, accepted.value);
    else refuse(exchange, accepted.code);
  };

  const handler = async (request: FastifyRequest<{ Params: { token?: string } }>, reply: FastifyReply) => {
    const exchange = exchangeOf(context, request, reply);
    await answer(exchange, request.params.token ?? null).catch((error: unknown) =>
      endByFault(exchange, error),
    );
    return reply;
  };
  for (const url of urls) app.post(url, handler);
};

const addRefusals = (app: FastifyInstance, context: Context): void => {
  const { path, tokenInPath } = context;
  const base = `${path.replace(/\/+$/, "")}/`;
  const isCallbackPath = (candidate: string): boolean =>
    candidate === path ||
    (tokenInPath && candidate.startsWith(base) && !candidate.slice(base.length).includes("/"));
  app.setNotFoundHandler((request, reply) => {
    const known = isCallbackPath(addressOf(request.url).path);
    refuse(exchangeOf(context, request, reply), known ? "method-not-allowed" : "path-unknown");
  });
  app.setErrorHandler((error: CodedError, request, reply) => {
    const exchange = exchangeOf(context, request, reply);
    const { code = "" } = error;
    const refusal = refusalByCode.get(code) ?? (code.startsWith("FST_") ? "request-malformed" : undefined);
    reply.removeHeader("connection");
    if (refusal === undefined) endByFault(exchange, error);
    else refuse(exchange, refusal);
  });
};

/** Listens for callbacks. Rejects with Node's error when the address cannot be had. */
export const openIngress = async (options: IngressOptions): Promise<Ingress> => {
  const gate: Gate = { inFlight: 0, closing: false, latest: new WeakMap() };
  const context = { ...options, gate };
  const app = createApp(context);
  addGate(app, context);
  addCallbackRoute(app, context);
  addRefusals(app, context);
  await app.listen({ host: options.host, port: options.port });
  const address = app.server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close: async () => {
      gate.closing = true;
      // Node watches no head any more from here on.
      const timeIsUp = setTimeout(() => app.server.closeAllConnections(), options.deadlineMs);
      await app.close();
      clearTimeout(timeIsUp);
    },
  };
};

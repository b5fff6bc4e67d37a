import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Accept, Accepted } from "../../core/acknowledgement.ts";
import { callerOf, createAddresses } from "../../core/addresses.ts";
import { createLimits } from "../../core/rate-limit.ts";
import type { Admission } from "../../core/signature.ts";
import { type CodedError, refusalByCode } from "./answers.ts";
import { createBodyReader } from "./body.ts";
import { createSocketRefusal, createTunnelRefusal } from "./connection.ts";
import {
  acknowledge,
  begin,
  endByFault,
  type Exchange,
  type ExchangeContext,
  exchangeOf,
  isGivenUp,
  type Gate,
  refuse,
  refuseAndClose,
} from "./exchange.ts";
import { createSpread } from "./spread.ts";
import { type Certificates, createIngressServer, renewCertificates, type ServerOptions } from "./server.ts";

export type IngressOptions = ServerOptions & {
  readonly host: string;
  readonly port: number;
  /** True: other threads listen on the same port, and the system spreads connections among them. */
  readonly sharesPort?: boolean;
  readonly path: string;
  /** True: `<path>/<token>` is an address too. */
  readonly tokenInPath: boolean;
  readonly asksForPassword: boolean;
  readonly bodyLimitBytes: number;
  /** Callbacks that may wait for their answer at once. */
  readonly maxInFlight: number;
  readonly network: {
    /** Empty: anyone. */
    readonly allowIps: readonly string[];
    readonly maxBytesInFlight: number;
    /** Callbacks per second and source; 0: no limit. */
    readonly rateLimit: number;
  };
  readonly admit: Admission;
  readonly accept: Accept;
  /** True: names and shapes of each delivery are logged. */
  readonly capture: boolean;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

export type Ingress = {
  /** The port listened on. */
  readonly port: number;
  /** For connections to come. The certificates must have been checked. */
  readonly renewCertificates: (tls: Certificates) => void;
  /** Refuses what is new with 503, answers what is in flight and stops listening. */
  readonly close: () => Promise<void>;
};

type Context = IngressOptions & ExchangeContext & { readonly gate: Gate; readonly whoCalls: WhoCalls };

const isIdentity = (encoding: string | undefined): boolean =>
  encoding === undefined || encoding.trim().toLowerCase() === "identity" || encoding.trim() === "";

const addressOf = (url: string): { path: string; query: string } => {
  const mark = url.indexOf("?");
  return mark < 0 ? { path: url, query: "" } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
};

const forwardedFor = (headers: IncomingHttpHeaders): string | undefined => {
  const header = headers["x-forwarded-for"];
  return typeof header === "string" ? header : header?.join(",");
};

const createApp = (context: Context): FastifyInstance => {
  const app = fastify({
    serverFactory: (handler) =>
      createIngressServer(context, (request, response) => {
        if (!isGivenUp(context.gate, request.socket)) handler(request, response);
      }),
    return503OnClosing: false,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 1024 },
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
  app.addContentTypeParser("*", createBodyReader(context));
  app.decorateRequest("exchange", null);
  return app;
};

type WhoCalls = (request: IncomingMessage) => string | null;

const createWhoCalls = ({ trustProxy }: Context["network"]): WhoCalls => {
  const isProxy = createAddresses(trustProxy);
  return ({ socket, headers }) => callerOf(socket.remoteAddress, forwardedFor(headers), isProxy);
};

/** Null: anyone may call. */
const createAllowed = ({ network: { allowIps }, whoCalls }: Context) => {
  if (allowIps.length === 0) return null;
  const isAllowed = createAddresses(allowIps);
  return (request: IncomingMessage): boolean => {
    const caller = whoCalls(request);
    return caller !== null && isAllowed(caller);
  };
};

/** Before the body is read: what can be refused without it. */
const addGate = (app: FastifyInstance, context: Context): void => {
  const { gate } = context;
  const mayCall = createAllowed(context);
  app.addHook("onRequest", (request, reply, done) => {
    const exchange = begin(context, request, reply);
    // Not deleted: an object that has lost a property is slow from then on.
    request.headers["content-type"] = undefined;
    if (gate.closing) refuseAndClose(exchange, "closing");
    else if (mayCall?.(request.raw) === false) refuseAndClose(exchange, "address-refused");
    else if (!isIdentity(request.headers["content-encoding"])) refuse(exchange, "encoding-unsupported");
    else done();
  });
};

/** Milliseconds of the deadline that are kept for writing the answer. */
const answerMs = 10;

const addCallbackRoute = (app: FastifyInstance, context: Context): void => {
  const { path, tokenInPath, admit, accept, telemetry, clock, deadlineMs, gate } = context;
  // Only who was admitted counts: whoever has no key cannot use up what is another's.
  const limitPassed = createLimits(context);
  const urls = tokenInPath ? [path, `${path.replace(/\/+$/, "")}/:token`] : [path];

  const settle = (exchange: Exchange, accepted: Accepted): void => {
    if (gate.closing) exchange.reply.header("connection", "close");
    if (accepted.ok) acknowledge(exchange, accepted.value);
    else refuse(exchange, accepted.code);
  };

  const answer = (exchange: Exchange, pathToken: string | null): void => {
    const { request, startedAt } = exchange;
    const { query } = addressOf(request.url);
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const admitted = admit({ headers: request.headers, query, pathToken, body }, clock());
    if (!admitted.ok) return refuse(exchange, admitted.code);
    telemetry.callbackAdmitted(admitted.value.source);
    const over = limitPassed(admitted.value.source, gate.waiting, performance.now());
    if (over !== null) return refuse(exchange, over);
    exchange.waiting = true;
    gate.waiting += 1;
    const msLeft = Math.trunc(deadlineMs - answerMs - (performance.now() - startedAt));
    accept(admitted.value, Math.max(0, msLeft)).then(
      (accepted) => settle(exchange, accepted),
      (error: unknown) => endByFault(exchange, error),
    );
  };

  // Gives nothing back: fastify waits until the answer is sent.
  const handler = (request: FastifyRequest<{ Params: { token?: string } }>, reply: FastifyReply): void =>
    answer(exchangeOf(context, request, reply), request.params.token ?? null);
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
    if (refusal === undefined) endByFault(exchange, error);
    else refuse(exchange, refusal);
  });
};

/** As many as Linux takes by default: what finds no place waits a second until it asks again. */
const backlog = 4096;

/** Listens for callbacks. Rejects with Node's error when the address cannot be had. */
export const openIngress = async (options: IngressOptions): Promise<Ingress> => {
  const gate: Gate = { closing: false, waiting: 0, bytes: 0, reading: new Set(), connections: new WeakMap() };
  const whoCalls = createWhoCalls(options.network);
  const context = {
    ...options,
    gate,
    whoCalls,
    spread: createSpread(),
    callerOf: (request: IncomingMessage) => whoCalls(request) ?? request.socket.remoteAddress ?? "unknown",
  };
  const app = createApp(context);
  addGate(app, context);
  addCallbackRoute(app, context);
  addRefusals(app, context);
  // Given on to Node as it is; Fastify's types do not know it.
  const sharing = { reusePort: options.sharesPort === true };
  await app.listen({ host: options.host, port: options.port, backlog, ...sharing });
  const address = app.server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    renewCertificates: (tls) => renewCertificates(app.server, tls),
    close: async () => {
      gate.closing = true;
      // Node watches no head any more from here on.
      const timeIsUp = setTimeout(() => app.server.closeAllConnections(), options.deadlineMs);
      await app.close();
      clearTimeout(timeIsUp);
    },
  };
};

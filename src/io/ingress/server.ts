import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import { createSecureContext, type TLSSocket } from "node:tls";
import { createAddresses, networkOf, toAddress } from "../../core/addresses.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import type { Telemetry } from "../../telemetry.ts";
import type { CodedError } from "./answers.ts";

/** PEM texts. */
export type Certificates = {
  readonly cert: string;
  readonly key: string;
  /** Null: callers need no certificate. */
  readonly clientCa: string | null;
};

export type ServerOptions = {
  /** Milliseconds that a request may take until its answer. */
  readonly deadlineMs: number;
  readonly network: {
    /** Null: plain HTTP. */
    readonly tls: Certificates | null;
    readonly trustProxy: readonly string[];
    readonly maxConnections: number;
    /** 0: no limit. */
    readonly maxConnectionsPerAddress: number;
    readonly idleTimeoutMs: number;
  };
  readonly telemetry: Telemetry;
};

/** Milliseconds. Two round trips and a slow caller; the request has its own time afterwards. */
const handshakeTimeoutMs = 3000;

/**
 * Milliseconds for the head of a request, whose time the deadline cannot count: both together stay below the 5 s that the
 * sender waits.
 */
const headMs = (deadlineMs: number): number => Math.min(deadlineMs, Math.max(500, 4500 - deadlineMs));

const contextOf = ({ cert, key, clientCa }: Certificates) =>
  ({ cert, key, ...(clientCa !== null && { ca: clientCa }), minVersion: "TLSv1.2" }) as const;

/** Whether a server takes them: TLS has rules beyond what each file must be. */
export const checkCertificates = (
  tls: Certificates | null,
): Result<Certificates | null, "certificate-unusable"> => {
  if (tls === null) return ok(tls);
  try {
    createSecureContext(contextOf(tls));
    return ok(tls);
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const files = tls.clientCa === null ? "" : " or TLS_CLIENT_CA_FILE";
    return fail(
      "certificate-unusable",
      `TLS_CERT_FILE, TLS_KEY_FILE${files}: no server takes them: ${reason}`,
    );
  }
};

const limitPerAddress = (server: Server, { network, telemetry }: ServerOptions): void => {
  const limit = network.maxConnectionsPerAddress;
  const isProxy = createAddresses(network.trustProxy);
  const open = new Map<string, number>();
  server.on("connection", (socket: Socket) => {
    const address = toAddress(socket.remoteAddress ?? "");
    // A proxy's connections are those of all its callers.
    if (address === null || isProxy(address)) return;
    const from = networkOf(address);
    const count = (open.get(from) ?? 0) + 1;
    open.set(from, count);
    socket.once("close", () => {
      const left = (open.get(from) ?? 1) - 1;
      if (left === 0) open.delete(from);
      else open.set(from, left);
    });
    if (count <= limit) return;
    telemetry.connectionRefused("address-connection-limit", from);
    socket.destroy();
  });
};

const limitConnections = (server: Server, options: ServerOptions): void => {
  const { network, telemetry } = options;
  server.maxConnections = network.maxConnections;
  server.on("drop", (dropped) => telemetry.connectionRefused("connection-limit", dropped?.remoteAddress));
  server.on("connection", (socket: Socket) => {
    telemetry.connectionOpened();
    socket.once("close", telemetry.connectionClosed);
  });
  if (network.maxConnectionsPerAddress > 0) limitPerAddress(server, options);
};

/** Why the caller's certificate was refused; null when that is not the reason. */
const refusedCertificate = ({ code }: CodedError, { authorizationError }: TLSSocket): string | null => {
  if (code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") return "none given";
  return authorizationError ? `${authorizationError}` : null;
};

/** No request will come of it. Node's own way is to take it for a broken one. */
const watchHandshakes = (server: TlsServer, telemetry: Telemetry): void => {
  server.removeAllListeners("tlsClientError");
  server.on("tlsClientError", (error: CodedError, socket: TLSSocket) => {
    const from = socket.remoteAddress;
    const refused = refusedCertificate(error, socket);
    if (refused !== null) telemetry.connectionRefused("client-certificate-refused", from, refused);
    // Who only hangs up, as health checks of a load balancer do, has not failed.
    else if (error.code !== "ECONNRESET")
      telemetry.connectionRefused("handshake-failed", from, error.code ?? error.name);
    socket.destroy();
  });
};

/** Limits everything that a connection can take before there is a request on it. */
export const createIngressServer = (options: ServerOptions, handler: RequestListener): Server | TlsServer => {
  const { deadlineMs, network, telemetry } = options;
  const times = {
    requestTimeout: deadlineMs,
    headersTimeout: headMs(deadlineMs),
    connectionsCheckingInterval: 200,
    keepAliveTimeout: network.idleTimeoutMs,
    requireHostHeader: false,
  };
  if (network.tls === null) {
    const server = createServer(times, handler);
    limitConnections(server, options);
    return server;
  }
  const asksForCertificate = network.tls.clientCa !== null;
  const server = createTlsServer(
    {
      ...times,
      ...contextOf(network.tls),
      requestCert: asksForCertificate,
      rejectUnauthorized: asksForCertificate,
      handshakeTimeout: handshakeTimeoutMs,
    },
    handler,
  );
  limitConnections(server, options);
  watchHandshakes(server, telemetry);
  return server;
};

/** For the handshakes to come; connections that are there go on. The certificates must have been checked. */
export const renewCertificates = (server: Server | TlsServer, tls: Certificates): void => {
  if (server instanceof TlsServer) server.setSecureContext(contextOf(tls));
};

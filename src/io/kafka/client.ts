import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Kafka, type LogEntry, logLevel, type SASLOptions } from "kafkajs";
import type { Logger } from "pino";
import { type Cluster, createCluster } from "./kafkajs.ts";

export type KafkaSettings = {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** PEM texts; null: no TLS. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null;
  readonly sasl: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  } | null;
};

/** Milliseconds. A request waits this long for its answer, and the broker this long for its replicas. */
export const requestTimeoutMs = 5000;
/** Milliseconds, around every call: kafkajs can wait for ever. */
export const callDeadlineMs = 8000;
/** Milliseconds, for the first try to connect: a broker that accepts and says nothing must not cost a whole call. */
export const firstConnectDeadlineMs = 3000;

export type Client = {
  readonly kafka: Kafka;
  /** For a producer; not connected yet. */
  readonly cluster: Cluster;
  /** Open connections. */
  readonly sockets: ReadonlySet<Socket>;
  /**
   * Closes every connection at once: kafkajs' own `disconnect` waits for a broker that may be gone. What the library
   * still tries to open, for a call that was given up, is closed too.
   */
  readonly destroy: () => void;
};

type SocketRequest = {
  readonly host: string;
  readonly port: number;
  /** kafkajs says null or false for none. */
  readonly ssl?: object | false | null;
  readonly onConnect: () => void;
};

const openSocket = ({ host, port, ssl, onConnect }: SocketRequest): Socket => {
  if (!ssl) return connectPlain({ host, port }, onConnect);
  return connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect);
};

/** One object literal per mechanism: kafkajs types them apart. */
const toSasl = ({ mechanism, username, password }: NonNullable<KafkaSettings["sasl"]>): SASLOptions => {
  switch (mechanism) {
    case "plain":
      return { mechanism, username, password };
    case "scram-sha-256":
      return { mechanism, username, password };
    case "scram-sha-512":
      return { mechanism, username, password };
  }
};

const toKafkaConfig = (settings: KafkaSettings) => ({
  brokers: [...settings.brokers],
  clientId: settings.clientId,
  ...(settings.tls === null ? {} : { ssl: settings.tls }),
  ...(settings.sasl === null ? {} : { sasl: toSasl(settings.sasl) }),
  connectionTimeout: 3000,
  authenticationTimeout: 5000,
  requestTimeout: requestTimeoutMs,
  enforceRequestTimeout: true,
  retry: { retries: 2, initialRetryTime: 50, maxRetryTime: 200 },
});

/** Of a closed socket kafkajs takes no notice unless there is an error: its calls would wait and its timers run on. */
const givenUp = (): Error => new Error("the connection was given up");

/**
 * kafkajs begins with the first broker, and goes on to the next only when that one refuses; for one that accepts and
 * never answers it waits again and again. So each client begins with another.
 */
export const startingWith = (settings: KafkaSettings, attempt: number): KafkaSettings => {
  const first = attempt % settings.brokers.length;
  return { ...settings, brokers: [...settings.brokers.slice(first), ...settings.brokers.slice(0, first)] };
};

/** A kafkajs client that knows its sockets. Its own log lines are for debugging: what matters is told by us. */
export const createClient = (settings: KafkaSettings, log: Logger, onSocketClosed: () => void): Client => {
  const sockets = new Set<Socket>();
  let destroyed = false;
  const config = {
    ...toKafkaConfig(settings),
    logLevel: log.isLevelEnabled("debug") ? logLevel.INFO : logLevel.NOTHING,
    logCreator: () => (entry: LogEntry) => log.debug({ kafkajs: entry.log }, entry.log.message),
    socketFactory: (request: SocketRequest) => {
      const socket = openSocket(request);
      socket.setKeepAlive(true, 60_000);
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        onSocketClosed();
      });
      if (destroyed) socket.destroy(givenUp());
      return socket;
    },
  };
  const destroy = () => {
    destroyed = true;
    for (const socket of sockets) socket.destroy(givenUp());
  };
  return { kafka: new Kafka(config), cluster: createCluster(config), sockets, destroy };
};

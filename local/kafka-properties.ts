import { join } from "node:path";

export type Properties = Readonly<Record<string, string>>;

/** The ports of one broker. The proxy of a test stands in front of `client` alone; brokers and controllers talk past it. */
export interface BrokerPorts {
  readonly client: number;
  readonly advertised: number;
  readonly internal: number;
  readonly controller: number;
  /** By the name of the listener. */
  readonly further: Readonly<Record<string, number>>;
}

/** Listeners beside those that every broker has: the name of each and its security protocol, such as SASL_SSL. */
export type Listeners = Readonly<Record<string, string>>;

export interface BrokerPlace {
  readonly id: number;
  readonly folder: string;
  readonly ports: BrokerPorts;
}

export interface BrokerExtras {
  readonly listeners?: Listeners;
  /** These win. */
  readonly properties?: Properties;
}

/** server.properties of one broker among `all`; each broker is a controller too. */
export function brokerProperties(
  place: BrokerPlace,
  all: readonly BrokerPlace[],
  extras: BrokerExtras,
): string {
  const { client, advertised, internal, controller, further } = place.ports;
  const protocols = {
    CLIENT: "PLAINTEXT",
    INTERNAL: "PLAINTEXT",
    CONTROLLER: "PLAINTEXT",
    ...extras.listeners,
  };
  const properties: Properties = {
    "process.roles": "broker,controller",
    "node.id": `${place.id}`,
    "controller.quorum.voters": all.map(({ id, ports }) => `${id}@127.0.0.1:${ports.controller}`).join(","),
    listeners: listed({ CLIENT: client, INTERNAL: internal, CONTROLLER: controller, ...further }),
    "advertised.listeners": listed({ CLIENT: advertised, INTERNAL: internal, ...further }),
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "INTERNAL",
    "listener.security.protocol.map": Object.entries(protocols)
      .map(([name, protocol]) => `${name}:${protocol}`)
      .join(","),
    "log.dirs": join(place.folder, "data"),
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    ...copies(all.length),
    ...deathNotice(all.length),
    ...extras.properties,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

function listed(ports: Readonly<Record<string, number>>): string {
  return Object.entries(ports)
    .map(([name, port]) => `${name}://127.0.0.1:${port}`)
    .join(",");
}

function copies(brokers: number): Properties {
  const replicas = `${brokers}`;
  const inSync = brokers === 1 ? "1" : "2";
  return {
    "default.replication.factor": replicas,
    "min.insync.replicas": inSync,
    ...Object.fromEntries(
      ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"].flatMap((topic) => [
        [`${topic}.num.partitions`, "1"],
        [`${topic}.replication.factor`, replicas],
      ]),
    ),
    "transaction.state.log.min.isr": inSync,
    "share.coordinator.state.topic.min.isr": inSync,
  };
}

/** With Kafka's own 9 s, a broker killed with -9 stays away for 13 s, and so do the partitions that it leads. */
function deathNotice(brokers: number): Properties {
  if (brokers === 1) return { "broker.session.timeout.ms": "1000", "broker.heartbeat.interval.ms": "200" };
  return {
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "replica.lag.time.max.ms": "3000",
  };
}

import { randomBytes } from "node:crypto";
import kafkajs from "kafkajs";
import { type LocalKafka, startKafka } from "../../local/kafka.ts";
import type { Authority } from "./authority.ts";

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, logLevel, ResourcePatternTypes } =
  kafkajs;

export const kafkaPassword = "kafka-secret";
/** `bridge` may do everything, `nobody` nothing, `writer` publish to topics that begin with `writable-`. */
export const kafkaUsers = ["bridge", "writer", "nobody"] as const;

export interface SecureKafka extends AsyncDisposable {
  /** TLS, with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 for all users. */
  readonly sasl: string;
  /** TLS with a client certificate, for the name `bridge`. */
  readonly mutual: string;
  /** TLS, with a broker's certificate that has expired, or is for another host. */
  readonly expired: string;
  readonly elsewhere: string;
  readonly plaintext: string;
  /** Past TLS, SASL and ACLs. */
  readonly internal: string;
  /** With a name that no other topic has. */
  readonly createTopic: (prefix?: string) => Promise<string>;
  /** Lets the user publish to the topics that begin so. */
  readonly allow: (user: string, prefix: string) => Promise<void>;
}

const users = kafkaUsers.map((name) => `user_${name}="${kafkaPassword}"`).join(" ");
const security = "org.apache.kafka.common.security";

type Stores = { readonly none: string; readonly expired: string; readonly elsewhere: string };

const properties = (caFile: string, stores: Stores) => ({
  "ssl.keystore.type": "PEM",
  "ssl.keystore.location": stores.none,
  "ssl.truststore.type": "PEM",
  "ssl.truststore.location": caFile,
  "listener.name.mutual.ssl.client.auth": "required",
  "listener.name.expired.ssl.keystore.type": "PEM",
  "listener.name.expired.ssl.keystore.location": stores.expired,
  "listener.name.elsewhere.ssl.keystore.type": "PEM",
  "listener.name.elsewhere.ssl.keystore.location": stores.elsewhere,
  "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
  "listener.name.sasl.plain.sasl.jaas.config": `${security}.plain.PlainLoginModule required ${users};`,
  ...Object.fromEntries(
    ["256", "512"].map((bits) => [
      `listener.name.sasl.scram-sha-${bits}.sasl.jaas.config`,
      `${security}.scram.ScramLoginModule required;`,
    ]),
  ),
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "super.users": "User:ANONYMOUS;User:bridge;User:CN=bridge",
});

const rights = (user: string, prefix: string) =>
  (["DESCRIBE", "WRITE"] as const).map((operation) => ({
    resourceType: AclResourceTypes.TOPIC,
    resourceName: prefix,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    principal: `User:${user}`,
    host: "*",
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes.ALLOW,
  }));

const storesBy = async (authority: Authority): Promise<Stores> => {
  const none = await authority.issue("broker");
  const expired = await authority.issue("broker", "expired");
  const elsewhere = await authority.issue("broker", "elsewhere");
  return { none: none.storeFile, expired: expired.storeFile, elsewhere: elsewhere.storeFile };
};

const addressesOf = (kafka: LocalKafka) => {
  const at = (name: string): string => `127.0.0.1:${kafka.nodes[0]?.listenerPorts[name]}`;
  return {
    sasl: at("SASL"),
    mutual: at("MUTUAL"),
    expired: at("EXPIRED"),
    elsewhere: at("ELSEWHERE"),
    plaintext: kafka.bootstrap,
    internal: kafka.internalBootstrap,
  };
};

/** One broker for all ways of coming in. */
export const startSecureKafka = async (authority: Authority): Promise<SecureKafka> => {
  await using parts = new AsyncDisposableStack();
  const scram = kafkaUsers.flatMap((name) =>
    ["256", "512"].map((bits) => `SCRAM-SHA-${bits}=[name=${name},password=${kafkaPassword}]`),
  );
  const kafka = parts.use(
    await startKafka({
      listeners: { SASL: "SASL_SSL", MUTUAL: "SSL", EXPIRED: "SSL", ELSEWHERE: "SSL" },
      properties: properties(authority.caFile, await storesBy(authority)),
      formatArguments: scram.flatMap((user) => ["--add-scram", user]),
    }),
  );
  const admin = new Kafka({ brokers: [kafka.internalBootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  parts.defer(() => admin.disconnect());
  const allow = async (user: string, prefix: string): Promise<void> =>
    void (await admin.createAcls({ acl: rights(user, prefix) }));
  await allow("writer", "writable-");
  const kept = parts.move();
  return {
    ...addressesOf(kafka),
    createTopic: async (prefix = "t-") => {
      const topic = prefix + randomBytes(4).toString("hex");
      await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
      return topic;
    },
    allow,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
};

import { startKafka } from "../../local/kafka.ts";
import type { Authority } from "./authority.ts";

export const kafkaPassword = "kafka-secret";
/** `bridge` may do everything, `nobody` nothing, `writer` only what publishing takes. */
export const kafkaUsers = ["bridge", "writer", "nobody"] as const;

export interface SecureKafka extends AsyncDisposable {
  /** TLS, with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 for all users. */
  readonly sasl: string;
  /** TLS with a client certificate, for the name `bridge`. */
  readonly mutual: string;
  /** As `mutual`, with a broker's certificate that has expired. */
  readonly expired: string;
  readonly plaintext: string;
  /** Past TLS, SASL and ACLs. */
  readonly internal: string;
}

const users = kafkaUsers.map((name) => `user_${name}="${kafkaPassword}"`).join(" ");
const security = "org.apache.kafka.common.security";

const properties = (caFile: string, stores: { readonly valid: string; readonly expired: string }) => ({
  "ssl.keystore.type": "PEM",
  "ssl.keystore.location": stores.valid,
  "ssl.truststore.type": "PEM",
  "ssl.truststore.location": caFile,
  "listener.name.mutual.ssl.client.auth": "required",
  "listener.name.expired.ssl.client.auth": "required",
  "listener.name.expired.ssl.keystore.type": "PEM",
  "listener.name.expired.ssl.keystore.location": stores.expired,
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

/** One broker for all ways of coming in. */
export const startSecureKafka = async (authority: Authority): Promise<SecureKafka> => {
  const valid = await authority.issue("broker");
  const expired = await authority.issue("broker", "expired");
  const kafka = await startKafka({
    listeners: { SASL: "SASL_SSL", MUTUAL: "SSL", EXPIRED: "SSL" },
    properties: properties(authority.caFile, { valid: valid.storeFile, expired: expired.storeFile }),
    formatArguments: kafkaUsers.flatMap((name) =>
      ["256", "512"].flatMap((bits) => [
        "--add-scram",
        `SCRAM-SHA-${bits}=[name=${name},password=${kafkaPassword}]`,
      ]),
    ),
  });
  const [node] = kafka.nodes;
  const at = (name: string): string => `127.0.0.1:${node?.listenerPorts[name]}`;
  return {
    sasl: at("SASL"),
    mutual: at("MUTUAL"),
    expired: at("EXPIRED"),
    plaintext: kafka.bootstrap,
    internal: kafka.internalBootstrap,
    [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
  };
};

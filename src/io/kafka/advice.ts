import { X509Certificate } from "node:crypto";
import { type TlsFault, tlsFaultOf } from "../../core/tls-faults.ts";
import type { KafkaSettings } from "./client.ts";

/** Names the setting to look at and says what to do. */
type Advice = (settings: KafkaSettings) => string;

const onOwnCertificate: Advice = ({ tls }) => {
  if (tls?.cert === undefined)
    return "The broker wants a client certificate: set KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE";
  const { validTo, validToDate } = new X509Certificate(tls.cert);
  return validToDate.getTime() < Date.now()
    ? `The certificate in KAFKA_TLS_CERT_FILE has expired (${validTo}): renew it`
    : "The broker refuses the certificate in KAFKA_TLS_CERT_FILE: it must be signed by an authority that the brokers trust";
};

const onTlsFault: Readonly<Record<TlsFault, Advice>> = {
  untrusted: ({ tls }) =>
    tls?.ca === undefined
      ? "Set KAFKA_TLS_CA_FILE to the certificate of the authority that signed the broker's"
      : "The broker's certificate is not signed by the authority in KAFKA_TLS_CA_FILE: put the one that signed it there",
  expired: () =>
    "Renew the broker's certificate, or that of its authority in KAFKA_TLS_CA_FILE, and compare the clocks",
  "other-name": () =>
    "Use a name in KAFKA_BROKERS, and in the brokers' advertised.listeners, that the certificate holds",
  "not-tls": () =>
    "No TLS is spoken at this port: give its TLS port in KAFKA_BROKERS, or set KAFKA_TLS=false",
  version: () => "The broker must speak TLS 1.2 or 1.3, or set KAFKA_TLS=false",
  "client-certificate": onOwnCertificate,
};

const onLogin: Advice = ({ sasl }) =>
  `Check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, and that the user is one for KAFKA_SASL_MECHANISM=${sasl?.mechanism ?? "none"}`;

/** A listener that wants TLS or a login and gets none hangs up without a word; so does a broker that goes down. */
const onHangUp: Advice = ({ tls, sasl }) => {
  if (tls === null) return "If this lasts, the port may want TLS: set KAFKA_TLS=true";
  return sasl === null
    ? "If this lasts, the port may want a login: set KAFKA_SASL_MECHANISM"
    : "If this lasts, look at the broker's log";
};
const onReset: Advice = (settings) =>
  settings.tls === null
    ? onHangUp(settings)
    : "If this lasts, the port may speak no TLS: give its TLS port in KAFKA_BROKERS, or set KAFKA_TLS=false";

const onAddress: Advice = () => "Check KAFKA_BROKERS";

/** By name or code of an error: kafkajs', the system's or Kafka's. */
const known: ReadonlyMap<unknown, Advice> = new Map<unknown, Advice>([
  ["KafkaJSSASLAuthenticationError", onLogin],
  [58, onLogin], // SASL_AUTHENTICATION_FAILED
  [33, () => "KAFKA_SASL_MECHANISM must be one that this listener offers"], // UNSUPPORTED_SASL_MECHANISM
  [
    34,
    () =>
      "This listener takes no login: set KAFKA_SASL_MECHANISM=none, or give another port in KAFKA_BROKERS",
  ], // ILLEGAL_SASL_STATE
  [31, () => "The bridge's user may not write: allow it WRITE and DESCRIBE on the topics under TOPIC_PREFIX"], // CLUSTER_AUTHORIZATION_FAILED
  ["KafkaJSConnectionClosedError", onHangUp],
  ["ECONNRESET", onReset],
  ["ECONNREFUSED", onAddress],
  ["ENOTFOUND", onAddress],
]);

const adviceOn = (error: Error): Advice | undefined => {
  const fault = tlsFaultOf(error);
  if (fault !== null) return onTlsFault[fault];
  return known.get("code" in error ? error.code : undefined) ?? known.get(error.name);
};

/** What an operator should do when no connection comes about; null where the error tells nothing of it. */
export const connectAdvice = (causes: readonly Error[], settings: KafkaSettings): string | null =>
  causes.map(adviceOn).find((advice) => advice !== undefined)?.(settings) ?? null;

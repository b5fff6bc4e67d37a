import { createPrivateKey, X509Certificate } from "node:crypto";

/** Stands for a file that could not be read: that is told already, and no rule finds fault with it. */
export const unreadPem = "-----BEGIN ";

const certificates = [
  ...(["TLS_CERT_FILE", "TLS_CLIENT_CA_FILE"] as const),
  ...(["KAFKA_TLS_CA_FILE", "KAFKA_TLS_CERT_FILE", "SCHEMA_REGISTRY_CA_FILE"] as const),
] as const;
const keys = ["TLS_KEY_FILE", "KAFKA_TLS_KEY_FILE"] as const;
const pairs = [
  ["TLS_CERT_FILE", "TLS_KEY_FILE"],
  ["KAFKA_TLS_CERT_FILE", "KAFKA_TLS_KEY_FILE"],
] as const;
/** The contents of the files. */
type Pems = Readonly<Partial<Record<(typeof certificates | typeof keys)[number], string>>>;

const attempt = <T>(work: () => T): T | null => {
  try {
    return work();
  } catch {
    return null;
  }
};
/** Of several certificates in one file, the first; null when any of them is no whole one. */
const certificateIn = (pem: string) =>
  attempt(() => {
    const each = pem.match(/-----BEGIN CERTIFICATE-----[^]*?(?:-----END CERTIFICATE-----|$)/g) ?? [pem];
    const [first] = each.map((one) => new X509Certificate(one));
    return first ?? null;
  });
const keyIn = (pem: string) => attempt(() => createPrivateKey(pem));

/** What no PEM is at all is told where its format is checked. */
const readable = (pem: string | undefined): pem is string =>
  pem !== undefined && pem !== unreadPem && pem.includes(unreadPem);

/** What TLS would stumble over at the first connection is better said at the start. */
export const pemProblems = (pems: Pems): string[] => {
  const unlike = <N extends keyof Pems>(names: readonly N[], read: (pem: string) => unknown): readonly N[] =>
    names.filter((name) => {
      const pem = pems[name];
      return readable(pem) && read(pem) === null;
    });
  const strangers = pairs.filter((pair) => {
    const [pem = "", keyPem = ""] = pair.map((name) => pems[name]);
    const [certificate, key] = [certificateIn(pem), keyIn(keyPem)];
    return certificate !== null && key !== null && !certificate.checkPrivateKey(key);
  });
  return [
    ...unlike(certificates, certificateIn).map(
      (name) =>
        `${name} holds no certificate that can be read, or one of several that is cut off: each must begin with -----BEGIN CERTIFICATE-----`,
    ),
    ...unlike(keys, keyIn).map(
      (name) => `${name} holds no private key that opens without a passphrase: see openssl pkey -in … -out …`,
    ),
    ...strangers.map(
      ([certificate, key]) => `${certificate} and ${key} do not fit: the key must be that of the certificate`,
    ),
  ];
};

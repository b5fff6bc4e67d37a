/** What a TLS handshake ended with, so that each adapter can name the setting of its own that is to blame. */
export type TlsFault = "untrusted" | "expired" | "other-name" | "not-tls" | "version" | "client-certificate";

/** Codes of Node and of OpenSSL. */
const faultsByCode: Readonly<Record<TlsFault, readonly string[]>> = {
  untrusted: [
    "CERT_REVOKED",
    "CERT_SIGNATURE_FAILURE",
    "CERT_UNTRUSTED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "INVALID_CA",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ],
  expired: ["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"],
  "other-name": ["ERR_TLS_CERT_ALTNAME_INVALID"],
  "not-tls": ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "ERR_SSL_WRONG_VERSION_NUMBER"],
  version: ["ERR_SSL_UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION"],
  "client-certificate": [
    "ACCESS_DENIED",
    "BAD_CERTIFICATE",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_REQUIRED",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_UNKNOWN",
    "DECRYPT_ERROR",
    "HANDSHAKE_FAILURE",
    "UNKNOWN_CA",
    "UNSUPPORTED_CERTIFICATE",
  ],
};
const faults: ReadonlyMap<string, TlsFault> = new Map(
  (["untrusted", "expired", "other-name", "not-tls", "version", "client-certificate"] as const).flatMap(
    (fault) => faultsByCode[fault].map((code) => [code, fault] as const),
  ),
);

/** Null: not a matter of TLS. An alert of the other side has its own name behind one that OpenSSL changes now and then. */
export const tlsFaultOf = (error: Error): TlsFault | null => {
  if (!("code" in error) || typeof error.code !== "string") return null;
  return faults.get(error.code.replace(/^ERR_SSL_.*_ALERT_/, "")) ?? null;
};

/** OpenSSL's own texts are full of its source files, and Node's give advice that does not fit here. */
export const tlsWordsOf = (error: Error): string => {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return code.startsWith("ERR_SSL_") ? code : error.message.replace(/; if the root CA is .*$/s, "");
};

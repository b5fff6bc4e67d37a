/** What a TLS handshake ended with, so that each adapter can name the setting of its own that is to blame. */
export type TlsFault = "untrusted" | "expired" | "other-name" | "not-tls" | "version" | "client-certificate";

/** Node's codes for a certificate that it does not take. */
const byCode: ReadonlyMap<unknown, TlsFault> = new Map<unknown, TlsFault>([
  ["CERT_HAS_EXPIRED", "expired"],
  ["CERT_NOT_YET_VALID", "expired"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "other-name"],
  ["CERT_REVOKED", "untrusted"],
  ["CERT_SIGNATURE_FAILURE", "untrusted"],
  ["CERT_UNTRUSTED", "untrusted"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "untrusted"],
  ["INVALID_CA", "untrusted"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "untrusted"],
  ["UNABLE_TO_GET_ISSUER_CERT", "untrusted"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "untrusted"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "untrusted"],
]);

/** OpenSSL's reasons in SSL; from 1000 on they are the other side's alerts (RFC 8446, section 6). */
const byReason: ReadonlyMap<number, TlsFault> = new Map<number, TlsFault>([
  [156, "not-tls"], // http request
  [198, "not-tls"], // packet length too long
  [267, "not-tls"], // wrong version number
  [258, "version"], // unsupported protocol
  [1070, "version"],
  // Handshake failure, certificates bad, unsupported, revoked, expired, unknown, of an unknown authority, required; access denied.
  ...[40, 42, 43, 44, 45, 46, 48, 49, 116].map((alert) => [1000 + alert, "client-certificate"] as const),
]);

/**
 * `error:0A000412:SSL routines:ssl3_read_bytes:ssl/tls alert bad certificate:…`: Node gives a code beside it that changes
 * from version to version, or only EPROTO; the number stays.
 */
const opensslError = /error:([0-9A-F]{8}):[^:]*:[^:]*:([^:]*)/;
const sslLibrary = 20;

/** Null: not a matter of TLS. */
export const tlsFaultOf = (error: Error): TlsFault | null => {
  const known = "code" in error ? byCode.get(error.code) : undefined;
  if (known !== undefined) return known;
  const packed = Number.parseInt(opensslError.exec(error.message)?.[1] ?? "0", 16);
  return packed >>> 23 === sslLibrary ? (byReason.get(packed & 0x7fffff) ?? null) : null;
};

/** One line: OpenSSL's own texts are full of its source files, and Node's give advice that does not fit here. */
export const tlsWordsOf = ({ message }: Error): string =>
  (opensslError.exec(message)?.[2] ?? message).replace(/; if the root CA is .*$/s, "");

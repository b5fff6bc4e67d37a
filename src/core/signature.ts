import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { fail, ok, type Result } from "./result.ts";

declare const admitted: unique symbol;

/** Bytes whose sender is known. Only `createAdmission` makes one; the journal takes nothing else. */
export type AdmittedBody = {
  readonly body: Buffer;
  /** Name of the key or token that matched; null under `AUTH=none`. */
  readonly source: string | null;
  readonly [admitted]: true;
};

/** What a sender can be known by. Header names in lower case. */
export type Presented = {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The URL's query as sent, without the question mark. */
  readonly query: string;
  /** The last path segment, when there is one behind the callback path. */
  readonly pathToken: string | null;
  /** The body as received: a signature covers these bytes, not what they mean. */
  readonly body: Buffer;
};

export type AdmissionRules = {
  readonly auth: readonly ("hmac" | "token")[];
  readonly hmacKeys: readonly { readonly name: string; readonly secret: string }[];
  readonly hmacScheme: keyof typeof schemes;
  /** Milliseconds; 0: any age. */
  readonly hmacMaxAgeMs: number;
  readonly tokens: readonly { readonly name: string; readonly token: string }[];
};

export type AdmissionRefusal =
  | "signature-missing"
  | "signature-mismatch"
  | "timestamp-outside-window"
  | "token-missing"
  | "token-mismatch";

/** `now` in milliseconds since 1970. Every rule must pass. */
export type Admission = (presented: Presented, now: number) => Result<AdmittedBody, AdmissionRefusal>;

type Scheme = {
  readonly signatureHeader: string;
  readonly timestampHeader: string;
  /** What is signed before the body. */
  readonly preamble: (timestamp: string, query: string) => string;
};

/** Values of the query, ordered by key in ASCII order, joined with nothing. */
const queryValues = (query: string): string =>
  query === ""
    ? ""
    : [...new URLSearchParams(query)]
        .toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)))
        .map(([, value]) => value)
        .join("");

/** Presets. That eSignGlobal signs as e签宝 (Tsign) does is likely but not confirmed: vendor/callbacks.md, section 6. */
export const schemes = {
  tsign: {
    signatureHeader: "x-tsign-open-signature",
    timestampHeader: "x-tsign-open-timestamp",
    preamble: (timestamp, query) => timestamp + queryValues(query),
  },
} as const satisfies Record<string, Scheme>;

const digestBytes = 32;

/**
 * Hex in one case, or canonical Base64, of 32 bytes. Mixed case and stray bits are refused, so that no two texts of
 * one alphabet stand for the same signature.
 */
const decodeSignature = (text: string): Buffer | null => {
  if (/^(?:[0-9a-f]{64}|[0-9A-F]{64})$/.test(text)) return Buffer.from(text, "hex");
  if (text.length !== 44) return null;
  const bytes = Buffer.from(text, "base64");
  return bytes.length === digestBytes && bytes.toString("base64") === text ? bytes : null;
};

const single = (value: string | readonly string[] | undefined): string | null =>
  typeof value === "string" && value !== "" ? value : null;

type Check = (presented: Presented, now: number) => Result<string, AdmissionRefusal>;

const hmacCheck = (rules: AdmissionRules): Check => {
  const scheme: Scheme = schemes[rules.hmacScheme];
  const keys: readonly (readonly [string, KeyObject])[] = rules.hmacKeys.map(({ name, secret }) => [
    name,
    createSecretKey(Buffer.from(secret, "utf8")),
  ]);
  const tooOld = (timestamp: string, now: number): boolean =>
    rules.hmacMaxAgeMs > 0 && !(Math.abs(now - Number(timestamp)) <= rules.hmacMaxAgeMs);

  return ({ headers, query, body }, now) => {
    const timestamp = single(headers[scheme.timestampHeader]);
    const text = single(headers[scheme.signatureHeader]);
    if (timestamp === null || text === null) return fail("signature-missing");
    const signature = decodeSignature(text);
    if (signature === null) return fail("signature-mismatch");
    const preamble = scheme.preamble(timestamp, query);
    const matching = keys.filter(([, key]) =>
      timingSafeEqual(createHmac("sha256", key).update(preamble).update(body).digest(), signature),
    );
    const [name] = matching[0] ?? [];
    if (name === undefined) return fail("signature-mismatch");
    return tooOld(timestamp, now) ? fail("timestamp-outside-window") : ok(name);
  };
};

const digestOf = (token: string): Buffer => createHash("sha256").update(token, "utf8").digest();

const presentedToken = ({ headers, query, pathToken }: Presented): string | null => {
  const bearer = /^Bearer +(\S+)$/i.exec(single(headers["authorization"]) ?? "")?.[1];
  return bearer ?? (query === "" ? null : single(new URLSearchParams(query).get("token") ?? "")) ?? pathToken;
};

/** Digests are compared, so that neither the place of the first difference nor the length shows in the time taken. */
const tokenCheck = (rules: AdmissionRules): Check => {
  const digests = rules.tokens.map(({ name, token }) => [name, digestOf(token)] as const);
  return (presented) => {
    const token = presentedToken(presented);
    if (token === null) return fail("token-missing");
    const digest = digestOf(token);
    const [name] = digests.filter(([, known]) => timingSafeEqual(known, digest))[0] ?? [];
    return name === undefined ? fail("token-mismatch") : ok(name);
  };
};

const checks = { hmac: hmacCheck, token: tokenCheck };

/** The one place where a body becomes an admitted one. With several rules the first named one gives the source. */
export const createAdmission = (rules: AdmissionRules): Admission => {
  const all = rules.auth.map((name) => checks[name](rules));
  return (presented, now) => {
    let source: string | null = null;
    for (const check of all) {
      const result = check(presented, now);
      if (!result.ok) return result;
      source ??= result.value;
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the brand: this is the only place that may give it
    return ok({ body: presented.body, source } as AdmittedBody);
  };
};

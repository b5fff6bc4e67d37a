import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { basicCheck, tokenCheck } from "./credentials.ts";
import type { NamedSecret } from "./named-secrets.ts";
import { type AdmissionRefusal, type Check, headerOf, type Presented } from "./presented.ts";
import {
  createMessage,
  decodeKey,
  decodeSignature,
  type PresetName,
  presets,
  type Recipe,
} from "./recipe.ts";
import { fail, ok, type Result } from "./result.ts";
import type { AuthMethod } from "./setting-formats.ts";

declare const admitted: unique symbol;

/** Bytes whose sender is known: `createAdmission` admits them, in this thread or another; the journal takes nothing else. */
export type AdmittedBody = {
  readonly body: Buffer;
  /** Name of the key, token or user that matched; null under `AUTH=none`. */
  readonly source: string | null;
  /** Where it is known already. */
  readonly eventId?: string;
  readonly [admitted]: true;
};

/** For a body that has lost the brand on its way from a thread of this process, where `createAdmission` gave it. */
export const admittedInThread = (body: Buffer, source: string | null, eventId: string): AdmittedBody =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only `workers/` calls it, with what a worker has admitted
  ({ body, source, eventId }) as AdmittedBody;

export type AdmissionRules = {
  readonly auth: readonly AuthMethod[];
  readonly hmacKeys: readonly NamedSecret[];
  readonly hmacScheme: PresetName | Recipe;
  /** Milliseconds; 0: any age. */
  readonly hmacMaxAgeMs: number;
  readonly tokens: readonly NamedSecret[];
  readonly basicUsers: readonly NamedSecret[];
};

/** `now` in milliseconds since 1970. Every rule must pass. */
export type Admission = (presented: Presented, now: number) => Result<AdmittedBody, AdmissionRefusal>;

/** Seconds or milliseconds since 1970: as milliseconds, none before 1973. */
const toMs = (timestamp: string): number => {
  const time = /^\d{1,15}$/.test(timestamp) ? Number(timestamp) : Number.NaN;
  return time < 1e11 ? time * 1000 : time;
};

/** Nothing that JSON begins with: else bytes could be moved from the body into the timestamp under the same signature. */
const isTimestamp = (text: string): boolean => /^[\w.:+, /-]{1,64}$/.test(text);

const keysOf = ({ hmacKeys }: AdmissionRules, { keyEncoding }: Recipe) =>
  hmacKeys.map(({ name, secret }): readonly [string, KeyObject] => {
    const key = decodeKey(secret, keyEncoding);
    if (key === null) throw new Error(`The key named ${name} is not ${keyEncoding} after it was checked`);
    return [name, createSecretKey(key)];
  });

/** All that the header holds under the recipe's prefix; what cannot be a signature is left out. */
const signaturesIn = (text: string, recipe: Recipe): readonly Buffer[] => {
  const { prefix, several } = recipe;
  const texts = several ? text.split(" ") : [text];
  return texts.flatMap((one) => {
    const signature = one.startsWith(prefix) ? decodeSignature(one.slice(prefix.length), recipe) : null;
    return signature ?? [];
  });
};

type SignedHeaders = { readonly id: string; readonly timestamp: string; readonly signature: string };

/** Null when one is missing. What is not part of the message is not asked for. */
const headersOf = (presented: Presented, recipe: Recipe): SignedHeaders | null => {
  const { idHeader, timestampHeader, signatureHeader } = recipe;
  const id = idHeader === null ? "" : headerOf(presented, idHeader);
  const timestamp = timestampHeader === null ? "" : headerOf(presented, timestampHeader);
  const signature = headerOf(presented, signatureHeader);
  return id === null || timestamp === null || signature === null ? null : { id, timestamp, signature };
};

const hmacCheck = (rules: AdmissionRules): Check => {
  const { hmacScheme, hmacMaxAgeMs } = rules;
  const recipe: Recipe = typeof hmacScheme === "string" ? presets[hmacScheme] : hmacScheme;
  const keys = keysOf(rules, recipe);
  const { before, behind } = createMessage(recipe.message);
  const tooOld = (timestamp: string, now: number): boolean =>
    hmacMaxAgeMs > 0 && !(Math.abs(now - toMs(timestamp)) <= hmacMaxAgeMs);

  return (presented, now) => {
    const headers = headersOf(presented, recipe);
    if (headers === null) return fail("signature-missing");
    const { id, timestamp } = headers;
    const signatures = signaturesIn(headers.signature, recipe);
    if (signatures.length === 0 || (timestamp !== "" && !isTimestamp(timestamp)))
      return fail("signature-mismatch");
    const signed = { id, timestamp, query: presented.query };
    const [first, last] = [before(signed), behind(signed)];
    // Every key is tried, whichever matches.
    const matching = keys.filter(([, key]) => {
      const hmac = createHmac(recipe.algorithm, key).update(first).update(presented.body);
      // As text, and then a Buffer from Node's pool: one with memory of its own costs more.
      const digest = Buffer.from((last === "" ? hmac : hmac.update(last)).digest("binary"), "latin1");
      return signatures.filter((signature) => timingSafeEqual(digest, signature)).length > 0;
    });
    const [name] = matching[0] ?? [];
    if (name === undefined) return fail("signature-mismatch");
    return tooOld(timestamp, now) ? fail("timestamp-outside-window") : ok(name);
  };
};

const checks: Record<AdmissionRules["auth"][number], (rules: AdmissionRules) => Check> = {
  hmac: hmacCheck,
  token: ({ tokens }) => tokenCheck(tokens),
  basic: ({ basicUsers }) => basicCheck(basicUsers),
};

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
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the brand: nobody else may give it
    return ok({ body: presented.body, source } as AdmittedBody);
  };
};

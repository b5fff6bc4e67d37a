import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { decodeKey, type KeyEncoding } from "./recipe.ts";
import {
  bodyFormsOf,
  type Candidate,
  candidatesOf,
  type Form,
  idsOf,
  queryFormsOf,
  timestampsOf,
} from "./recipe-guesses.ts";

/** A delivery whose signature is to be understood. Header names in lower case. */
export type Sample = {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly query: string;
  readonly body: Buffer;
  readonly secrets: readonly string[];
};

type Message = {
  readonly template: string;
  readonly timestampHeader: string | null;
  readonly idHeader: string | null;
  readonly queryForm: string;
  readonly before: string;
  readonly behind: string;
};

/** One way in which a signature of the sample comes out. */
export type Found = Candidate &
  Omit<Message, "before" | "behind"> & {
    readonly bodyForm: string;
    readonly keyEncoding: KeyEncoding;
    /** Of the secrets. */
    readonly secret: number;
  };

/** Where nothing tells two of them apart, the first one is told. */
const orders = [
  ["timestamp", "query", "body"],
  ["timestamp", "body"],
  ["body"],
  ["timestamp", "body", "query"],
  ["query", "timestamp", "body"],
  ["query", "body", "timestamp"],
  ["body", "timestamp", "query"],
  ["body", "query", "timestamp"],
  ["body", "timestamp"],
  ["query", "body"],
  ["body", "query"],
] as const;
const separators = ["", ".", "\n"];
const templates = separators.flatMap((separator) =>
  orders.map((parts) => parts.map((part) => `{${part}}`).join(separator)),
);
const withId = "{id}.{timestamp}.{body}";

type Filling = {
  readonly timestamp: readonly [string, string];
  readonly id?: readonly [string, string];
  readonly query: Form;
};

const fill = (template: string, { timestamp, id, query }: Filling): Message => {
  const has = (name: string): boolean => template.includes(name);
  const [before = "", behind = ""] = template
    .split("{body}")
    // As functions: a value may hold what `replace` gives a meaning to.
    .map((part) =>
      part
        .replace("{id}", () => id?.[1] ?? "")
        .replace("{timestamp}", () => timestamp[1])
        .replace("{query}", () => query.text),
    );
  return {
    template,
    timestampHeader: has("{timestamp}") ? timestamp[0] : null,
    idHeader: id?.[0] ?? null,
    queryForm: has("{query}") ? query.how : "",
    before,
    behind,
  };
};

const messagesOf = ({ headers, query }: Sample): readonly Message[] => {
  const timestamps = timestampsOf(headers);
  const none = ["", ""] as const;
  const forms = queryFormsOf(query);
  const simple = templates.flatMap((template) => {
    const times = template.includes("{timestamp}") ? timestamps : [none];
    const queries = template.includes("{query}") ? forms : forms.slice(0, 1);
    return times.flatMap((timestamp) => queries.map((one) => fill(template, { timestamp, query: one })));
  });
  const ids = idsOf(headers).flatMap((id) =>
    timestamps.map((timestamp) => fill(withId, { timestamp, id, query: { how: "", text: "" } })),
  );
  return [...simple, ...ids];
};

const keyEncodings: readonly KeyEncoding[] = ["text", "base64", "hex"];

type Key = Pick<Found, "secret" | "keyEncoding"> & { readonly key: KeyObject };
const keysOf = ({ secrets }: Sample): readonly Key[] =>
  secrets.flatMap((text, secret) =>
    keyEncodings.flatMap((keyEncoding) => {
      const key = decodeKey(text, keyEncoding);
      return key === null ? [] : [{ secret, keyEncoding, key: createSecretKey(key) }];
    }),
  );

export type Search = {
  /** All that looked like a signature. */
  readonly candidates: readonly Candidate[];
  readonly found: readonly Found[];
  /** How many messages were signed and compared. */
  readonly tried: number;
};

/** Tries every known recipe on a sample. Of several ways to make the same message only the first is told. */
export const searchRecipe = (sample: Sample): Search => {
  const candidates = candidatesOf(sample.headers);
  const messages = messagesOf(sample);
  const keys = keysOf(sample);
  const found = new Map<Candidate, Found>();
  let tried = 0;

  const compare = (digest: Buffer, match: Omit<Found, keyof Candidate>, algorithm: string): void => {
    tried += 1;
    for (const candidate of candidates) {
      const isIt = candidate.algorithm === algorithm && candidate.digest.equals(digest);
      if (isIt && !found.has(candidate)) found.set(candidate, { ...candidate, ...match });
    }
  };
  for (const { how: bodyForm, bytes } of bodyFormsOf(sample.body))
    for (const { before, behind, ...message } of messages)
      for (const { key, ...ofKey } of keys)
        for (const algorithm of new Set(candidates.map((candidate) => candidate.algorithm))) {
          const digest = createHmac(algorithm, key).update(before).update(bytes).update(behind).digest();
          compare(digest, { ...message, ...ofKey, bodyForm }, algorithm);
        }
  return { candidates, found: [...found.values()], tried };
};

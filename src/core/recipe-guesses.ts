import { parseJson, isObject } from "./json.ts";
import { type Algorithm, queryValues } from "./recipe.ts";

/** What may be a signature, as it stands in a header. */
export type Candidate = {
  readonly header: string;
  /** What stands before it; null: no setting can say where it stands. */
  readonly prefix: string | null;
  /** One of several in its header. */
  readonly several: boolean;
  readonly algorithm: Algorithm;
  readonly encoding: "hex" | "base64" | "base64url";
  readonly digest: Buffer;
};

type Header = readonly [name: string, value: string];

const writings: readonly (readonly [Algorithm, Candidate["encoding"], RegExp])[] = [
  ["sha256", "hex", /^(?:[0-9a-f]{64}|[0-9A-F]{64})$/],
  ["sha512", "hex", /^(?:[0-9a-f]{128}|[0-9A-F]{128})$/],
  ["sha256", "base64", /^[A-Za-z0-9+/]{43}=$/],
  ["sha512", "base64", /^[A-Za-z0-9+/]{86}==$/],
  ["sha256", "base64url", /^[\w-]{43}$/],
  ["sha512", "base64url", /^[\w-]{86}$/],
];

/** Long enough for a digest, with what may stand around it. */
const run = /[\w+/-]{43,128}={0,2}/g;

const candidatesIn = ([header, value]: Header): Candidate[] => {
  const runs = [...value.matchAll(run)];
  return runs.flatMap(({ 0: text, index }) => {
    const several = runs.length > 1;
    const begin = several ? value.lastIndexOf(" ", index) + 1 : 0;
    const end = index + text.length;
    const before = value.slice(begin, index);
    const ends = several ? /^(?: |$)/.test(value.slice(end)) : end === value.length;
    // A timestamp before it changes with each delivery.
    const isFixed = ends && /^[\x20-\x7e]{0,64}$/.test(before) && !/\d{9}/.test(before);
    return writings.flatMap(([algorithm, encoding, pattern]) =>
      pattern.test(text)
        ? [
            {
              header,
              prefix: isFixed ? before : null,
              several,
              algorithm,
              encoding,
              digest: Buffer.from(text, encoding),
            },
          ]
        : [],
    );
  });
};

/** All that looks like a signature. */
export const candidatesOf = (headers: readonly Header[]): readonly Candidate[] =>
  headers.flatMap(candidatesIn);

const isTime = ([name, value]: Header): boolean =>
  /^\d{10}(?:\d{3})?$/.test(value) || (/time|date/.test(name) && value.length <= 64);
export const timestampsOf = (headers: readonly Header[]): readonly Header[] => headers.filter(isTime);

export const idsOf = (headers: readonly Header[]): readonly Header[] =>
  headers.filter(([name, value]) => /(?:^|[-_])id$/.test(name) && value.length <= 200);

/** A text in one of the ways in which it may have been signed. The first way is the bridge's own. */
export type Form = { readonly how: string; readonly text: string };

export const inKeyOrder = "its values in the order of their keys";

export const queryFormsOf = (query: string): readonly Form[] => {
  const inOrder = { how: inKeyOrder, text: queryValues(query) };
  if (query === "") return [inOrder];
  const asSent = [...new URLSearchParams(query).values()].join("");
  return [
    inOrder,
    { how: "its values in the order in which they were sent", text: asSent },
    { how: "its text as sent", text: query },
  ];
};

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key])]),
  );
};
const spaced = (value: unknown): string =>
  JSON.stringify(value, null, 1).replaceAll(/,\n */g, ", ").replaceAll(/\n */g, "");
const ascii = (text: string): string =>
  text.replaceAll(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);

export type BodyForm = { readonly how: string; readonly bytes: Buffer };

/** As received first; then as the libraries of several languages would write the same JSON anew. */
export const bodyFormsOf = (body: Buffer): readonly BodyForm[] => {
  const text = body.toString("utf8");
  const parsed = parseJson(text);
  const value = parsed.ok ? parsed.value : null;
  const compact = JSON.stringify(value);
  const written: readonly (readonly [string, string])[] = [
    ["compact JSON", compact],
    ["compact JSON, non-ASCII escaped", ascii(compact)],
    ["compact JSON, slashes escaped", compact.replaceAll("/", String.raw`\/`)],
    ["compact JSON, slashes and non-ASCII escaped", ascii(compact.replaceAll("/", String.raw`\/`))],
    ["compact JSON, keys sorted", JSON.stringify(sorted(value))],
    ["JSON with spaces", spaced(value)],
    ["JSON with spaces, non-ASCII escaped", ascii(spaced(value))],
    ["JSON indented by 2", JSON.stringify(value, null, 2)],
    ["JSON indented by 4", JSON.stringify(value, null, 4)],
  ];
  const forms = [
    { how: "raw", bytes: body },
    { how: "without the white space around it", bytes: Buffer.from(text.trim()) },
    ...(parsed.ok ? written : []).map(([how, one]) => ({ how, bytes: Buffer.from(one) })),
  ];
  return forms.filter(({ bytes }, i) => forms.findIndex((other) => other.bytes.equals(bytes)) === i);
};

import { createHmac, hash } from "node:crypto";
import { hmacSecret } from "../sender.ts";
import { bodyKinds } from "./bodies.ts";
import { pickWeighted, type Random } from "./random.ts";
import { otherHeaders, path } from "./strange-lines.ts";

// Requests by the book, so that their one right answer is known. All texts are bytes: one character for each (latin1).

/** One request, and what is known of it. */
export type Made = {
  readonly text: string;
  /** Null when the answer depends on where the other side stops to understand. */
  readonly status: number | null;
  /** What the signature in it covers; null when there is none that holds. */
  readonly signed: string | null;
};
type Maker = (random: Random, last: boolean) => Made;
export type Parts = { readonly line: string; readonly lines: readonly string[]; readonly body: string };

type Signature = { readonly timestamp: string; readonly values?: string; readonly key?: string };
const digestOf = (body: string, { timestamp, values = "", key = hmacSecret }: Signature): Buffer =>
  createHmac("sha256", key)
    .update(timestamp + values)
    .update(Buffer.from(body, "latin1"))
    .digest();
const hexOf = (body: string, signature: Signature): string => digestOf(body, signature).toString("hex");

const timestampOf = (random: Random): string => `17${String(random.below(1e11)).padStart(11, "0")}`;

const signatureLines = (timestamp: string, signature: string): readonly string[] => [
  `X-Tsign-Open-Timestamp: ${timestamp}`,
  `X-Tsign-Open-Signature: ${signature}`,
];
/** The names of headers have no case. */
const inOtherCase = (random: Random, line: string): string =>
  random.pick([
    line,
    line.replace(/^[^:]*/, (name) => name.toUpperCase()),
    line.replace(/^[^:]*/, (name) => name.toLowerCase()),
  ]);

/** Lines that change nothing, each at most once. */
const otherLines = (random: Random): readonly string[] => {
  const lines = new Set(["Host: bridge"]);
  while (random.chance(0.5)) lines.add(random.pick(otherHeaders));
  if (random.chance(0.1)) lines.add(`X-Long: ${"y".repeat(random.below(5000))}`);
  return [...lines];
};

const chunkOf = (random: Random, piece: string): string => {
  const hex = piece.length.toString(16);
  const size = random.pick([hex, hex.toUpperCase(), `000${hex}`, `${hex};a=b`, `${hex};a="x"`]);
  return `${size}\r\n${piece}\r\n`;
};
/** The first bytes in small chunks, what is left in one. */
const chunked = (random: Random, body: string): string => {
  let text = "";
  let at = 0;
  while (at < Math.min(body.length, 100)) {
    const size = 1 + random.below(random.pick([4, 1000, body.length]));
    text += chunkOf(random, body.slice(at, at + size));
    at += size;
  }
  if (at < body.length) text += chunkOf(random, body.slice(at));
  return `${text}0\r\n${random.chance(0.1) ? "X-Trailer: 1\r\n" : ""}\r\n`;
};

export const joined = (line: string, lines: readonly string[], rest: string): string =>
  `${[line, ...lines].join("\r\n")}\r\n\r\n${rest}`;

const framed = (random: Random, { line, lines, body }: Parts, last: boolean): string => {
  const all = [...lines, ...(last ? ["Connection: close"] : [])];
  return random.chance(0.2)
    ? joined(line, [...all, "Transfer-Encoding: chunked"], chunked(random, body))
    : joined(line, [...all, `Content-Length: ${body.length}`], body);
};

const bodyOf = (random: Random): string => pickWeighted(random, bodyKinds)[1].make(random);

/** A query, and what of it is signed. */
const queries = [
  ["", ""],
  ["?", ""],
  ["?x=", ""],
  ["?b=2&a=1", "12"],
  ["?a=%7B&c", "{"],
  ["?q=%e5%8f%96", "取"],
] as const;

/** A request that must be admitted. */
export const signedParts = (random: Random): Parts => {
  const body = bodyOf(random);
  const timestamp = timestampOf(random);
  const [query, values] = random.pick(queries);
  const digest = digestOf(body, { timestamp, values });
  const hex = digest.toString("hex");
  const signature = signatureLines(
    timestamp,
    random.pick([hex, hex, hex.toUpperCase(), digest.toString("base64")]),
  );
  const lines = [...otherLines(random), ...signature].map((line) => inOtherCase(random, line));
  return { line: `POST ${path}${query} HTTP/1.1`, lines, body };
};

const signed: Maker = (random, last) => {
  const parts = signedParts(random);
  return { text: framed(random, parts, last), status: 200, signed: parts.body };
};

const flipped = (text: string, at: number): string =>
  text.slice(0, at) + (text[at] === "0" ? "1" : "0") + text.slice(at + 1);

type Unsigned = { readonly random: Random; readonly body: string; readonly timestamp: string };
/** Signatures that do not hold, each by one thing only. */
const forgeries: readonly ((unsigned: Unsigned) => readonly string[])[] = [
  () => [],
  ({ body, timestamp }) => signatureLines(timestamp, hexOf(body, { timestamp, key: `${hmacSecret} ` })),
  ({ body, timestamp, random }) =>
    signatureLines(timestamp, flipped(hexOf(body, { timestamp }), random.below(64))),
  ({ body, timestamp }) => signatureLines(timestamp, hexOf(`${body} `, { timestamp })),
  ({ body, timestamp }) => signatureLines(`${timestamp}0`, hexOf(body, { timestamp })),
  ({ body, timestamp }) => signatureLines(timestamp, hexOf(body, { timestamp }).slice(1)),
  ({ body, timestamp }) => signatureLines(timestamp, digestOf(body, { timestamp }).toString("base64url")),
  ({ body, timestamp }) => {
    const lines = signatureLines(timestamp, hexOf(body, { timestamp }));
    return [...lines, ...lines];
  },
  ({ body }) => signatureLines("", hexOf(body, { timestamp: "" })),
  ({ body, timestamp }) => signatureLines(timestamp, hash("sha256", timestamp + hmacSecret + body)),
  ({ timestamp }) => signatureLines(timestamp, "\xff".repeat(64)),
  () => [`Authorization: Bearer ${hmacSecret}`],
];

const forged: Maker = (random, last) => {
  const body = bodyOf(random);
  const forgery = random.pick(forgeries)({ random, body, timestamp: timestampOf(random) });
  const parts = { line: `POST ${path} HTTP/1.1`, lines: [...otherLines(random), ...forgery], body };
  return { text: framed(random, parts, last), status: 401, signed: null };
};

const elsewhere: Maker = (random, last) => {
  const parts = signedParts(random);
  const [line, status] = random.pick([
    ["POST / HTTP/1.1", 404],
    [`POST ${path}/x HTTP/1.1`, 404],
    [`POST /x${path} HTTP/1.1`, 404],
    ["GET /metrics HTTP/1.1", 404],
    ["GET /../../etc/passwd HTTP/1.1", 404],
    [`GET ${path} HTTP/1.1`, 405],
    [`PUT ${path} HTTP/1.1`, 405],
    [`DELETE ${path}?a=1 HTTP/1.1`, 405],
    [`PROPFIND ${path} HTTP/1.1`, 405],
  ] as const);
  return { text: framed(random, { ...parts, line }, last), status, signed: parts.body };
};

const encoded: Maker = (random, last) => {
  const parts = signedParts(random);
  const lines = [...parts.lines, "Content-Encoding: gzip"];
  return { text: framed(random, { ...parts, lines }, last), status: 415, signed: parts.body };
};

export const knownKinds: Readonly<Record<string, { readonly weight: number; readonly make: Maker }>> = {
  signed: { weight: 40, make: signed },
  forged: { weight: 40, make: forged },
  elsewhere: { weight: 10, make: elsewhere },
  encoded: { weight: 5, make: encoded },
};

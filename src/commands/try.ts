import { readFile } from "node:fs/promises";
import { parseSecrets } from "../core/named-secrets.ts";
import { type Found, type Sample, type Search, searchRecipe } from "../core/recipe-search.ts";
import { adviceOf } from "../core/recipe-settings.ts";
import { shapeOf } from "../core/shapes.ts";
import type { Wanted } from "./capture-arguments.ts";
import type { Output } from "./output.ts";
import { countText, safeText } from "./text.ts";

/** Also what curl -v and proxies print: with `> ` before each line, and a request line first. */
const readHeaders = (text: string): Pick<Sample, "headers" | "query"> => {
  const [head = ""] = text.split(/\r?\n(?:> ?)?\r?\n/);
  const lines = head.split(/\r?\n/).map((line) => line.replace(/^> /, ""));
  const target = /^[A-Z]+ (\S+) HTTP\//.exec(lines[0] ?? "")?.[1] ?? "";
  const headers = lines.flatMap((line) => {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name.toLowerCase(), value] as const];
  });
  return { headers, query: target.split("?").slice(1).join("?") };
};

/** The whole text is tried too, since a key may look like a name and a secret. */
const readSecrets = (text: string): readonly string[] => {
  const whole = text.replace(/[\r\n]+$/, "");
  const named = parseSecrets(whole);
  return [whole, ...("value" in named ? named.value.map(({ secret }) => secret) : [])].filter(
    (secret) => secret !== "",
  );
};

const readSample = async ({ body, headers, secret, query }: Wanted): Promise<Sample> => {
  const read = readHeaders(await readFile(headers, "utf8"));
  return {
    ...read,
    query: query?.replace(/^\?/, "") ?? read.query,
    body: await readFile(body),
    secrets: readSecrets(await readFile(secret, "utf8")),
  };
};

const describe = (found: Found, query: string) => {
  const { header, prefix, algorithm, encoding, template, timestampHeader, idHeader, keyEncoding } = found;
  const message = template.replaceAll("\n", String.raw`\n`);
  const headers = { header, prefix, timestampHeader, idHeader };
  return {
    ...headers,
    algorithm,
    encoding,
    message,
    keyEncoding,
    body: found.bodyForm,
    ...adviceOf(found, query),
  };
};
type Described = ReturnType<typeof describe>;

/** As a shell takes it. */
const quoted = (value: string): string =>
  /^[\w.=-]+$/.test(value) ? value : `'${value.replaceAll("'", String.raw`'\''`)}'`;

const linesOfMatch = (match: Described): readonly string[] => [
  `match: ${safeText(match.header)} is ${match.encoding} of HMAC-${match.algorithm.toUpperCase()} over ${match.message}, the key as ${match.keyEncoding}`,
  ...(match.timestampHeader === null ? [] : [`  timestamp: ${safeText(match.timestampHeader)}`]),
  ...match.notes.map((note) => `  note: ${note}`),
  ...Object.entries(match.settings ?? {}).map(([name, value]) => `  ${name}=${quoted(value)}`),
];

const linesOf = (sample: Sample, { candidates, tried }: Search, matches: readonly Described[]) => {
  const looked = [...new Set(candidates.map(({ header }) => header))];
  const of = (header: string): string =>
    sample.headers.flatMap(([name, value]) => (name === header ? [shapeOf(value)] : [])).join(", ");
  const seen = looked.map((header) => `looks like a signature: ${safeText(header)} (${of(header)})`);
  if (matches.length > 0) return [...seen, ...matches.flatMap(linesOfMatch)];
  return [
    ...seen,
    candidates.length === 0
      ? "no match: none of the headers looks like a signature (hex or Base64 of 32 or 64 bytes)"
      : `no match in ${countText(tried, "try").replace(/trys$/, "tries")}: is it the right key, and is the body unchanged? Use a token in the address meanwhile`,
  ];
};

/** Tries the known recipes on one delivery. Returns the exit code. */
export const tryRecipes = async (wanted: Wanted, out: Output): Promise<number> => {
  const sample = await readSample(wanted);
  const search = searchRecipe(sample);
  const matches = search.found.map((found) => describe(found, sample.query));
  const { candidates, tried } = search;
  const looked = candidates.map(({ header, encoding, algorithm }) => ({ header, encoding, algorithm }));
  if (wanted.json) await out.line(JSON.stringify({ matches, candidates: looked, tried }));
  else for (const line of linesOf(sample, search, matches)) await out.line(line);
  return matches.length > 0 ? 0 : 1;
};

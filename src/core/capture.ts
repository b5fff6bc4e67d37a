import { shapeOf } from "./shapes.ts";

/** A delivery as it came, whatever became of it. */
export type Delivery = {
  readonly method: string;
  /** As sent, with its query. */
  readonly url: string;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  /** Null: refused before its body was read. */
  readonly bodyBytes: number | null;
  /** How it was acknowledged, or why it was refused. */
  readonly outcome: string;
};

/** Of headers, parts of the query and segments of the path. */
const mostShown = 64;
const longestName = 64;

const nameText = (name: string): string =>
  name.length <= longestName ? name : `${name.slice(0, longestName)}…`;

const bounded = (texts: readonly string[]): readonly string[] =>
  texts.length <= mostShown ? texts : [...texts.slice(0, mostShown), `and ${texts.length - mostShown} more`];

/** A token may be the end of any path, wherever eSignGlobal was told to call: only what the settings say is shown. */
const pathOf = (path: string, callbackPath: string): string => {
  const known = callbackPath.split("/");
  return bounded(
    path.split("/").map((segment) => (known.includes(segment) ? segment : `<${shapeOf(segment)}>`)),
  ).join("/");
};

/** A part without `=` may be a token, and so may a long name. */
const queryPart = (part: string): string => {
  const [name = "", ...rest] = part.split("=");
  const isName = rest.length > 0 && /^[\w.-]{1,32}$/.test(name) && shapeOf(name).startsWith("text");
  return `${isName ? name : `<${shapeOf(name)}>`}: ${shapeOf(rest.join("="))}`;
};

const headersOf = (rawHeaders: readonly string[]): string[] =>
  rawHeaders.flatMap((text, at) =>
    at % 2 === 0 ? [`${nameText(text)}: ${shapeOf(rawHeaders[at + 1] ?? "")}`] : [],
  );

/** The line on a delivery: names, lengths and shapes, never a value. */
export const toCaptured = (delivery: Delivery, callbackPath: string) => {
  const { method, url, rawHeaders, bodyBytes, outcome } = delivery;
  const [path = "", ...query] = url.split("?");
  const queryText = query.join("?");
  return {
    outcome,
    method,
    path: pathOf(path, callbackPath),
    query: queryText === "" ? [] : bounded(queryText.split("&").map(queryPart)),
    headers: bounded(headersOf(rawHeaders)),
    bodyBytes,
  };
};

export type Algorithm = "sha256" | "sha512";
export type KeyEncoding = "text" | "hex" | "base64";

/** How a sender signs, and where the signature stands. Names of headers in lower case. */
export type Recipe = {
  readonly algorithm: Algorithm;
  readonly signatureHeader: string;
  /** Null: the message holds no timestamp. */
  readonly timestampHeader: string | null;
  /** Null: the message holds no id. */
  readonly idHeader: string | null;
  /** What is signed: text with `{id}`, `{timestamp}`, `{query}` and, once, `{body}`. */
  readonly message: string;
  /** What stands before a signature in its header. */
  readonly prefix: string;
  /** Whether the header holds several signatures with spaces, of which one must match. */
  readonly several: boolean;
  readonly encoding: "hex" | "base64" | "any";
  readonly keyEncoding: KeyEncoding;
};

/** Presets. That eSignGlobal signs as e签宝 (Tsign) does is likely but not confirmed: https://open.esign.cn/doc/opendoc/notify3/pmy852 */
export const presets = {
  tsign: {
    algorithm: "sha256",
    signatureHeader: "x-tsign-open-signature",
    timestampHeader: "x-tsign-open-timestamp",
    idHeader: null,
    message: "{timestamp}{query}{body}",
    prefix: "",
    several: false,
    encoding: "any",
    keyEncoding: "text",
  },
  /** https://www.standardwebhooks.com, version 1.0.0, its symmetric signatures. */
  "standard-webhooks": {
    algorithm: "sha256",
    signatureHeader: "webhook-signature",
    timestampHeader: "webhook-timestamp",
    idHeader: "webhook-id",
    message: "{id}.{timestamp}.{body}",
    prefix: "v1,",
    several: true,
    encoding: "base64",
    keyEncoding: "base64",
  },
} as const satisfies Record<string, Recipe>;
export type PresetName = keyof typeof presets;

/** Values of the query, ordered by key in ASCII order, joined with nothing. */
export const queryValues = (query: string): string =>
  query === ""
    ? ""
    : [...new URLSearchParams(query)]
        .toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)))
        .map(([, value]) => value)
        .join("");

/** What a message is made of beside the body. */
export type Signed = { readonly id: string; readonly timestamp: string; readonly query: string };
type Fill = (signed: Signed) => string;

const fills: Readonly<Record<string, Fill>> = {
  "{id}": ({ id }) => id,
  "{timestamp}": ({ timestamp }) => timestamp,
  "{query}": ({ query }) => queryValues(query),
};

const createFill = (template: string): Fill => {
  const parts = template
    .split(/(\{[a-z]+\})/)
    .filter((part) => part !== "")
    .map((part): Fill => fills[part] ?? (() => part));
  return (signed) => {
    let text = "";
    for (const part of parts) text += part(signed);
    return text;
  };
};

/** What is signed before the body and behind it. */
export const createMessage = (template: string): { readonly before: Fill; readonly behind: Fill } => {
  const [before = "", behind = ""] = template.split("{body}");
  return { before: createFill(before), behind: createFill(behind) };
};

/** Why a message cannot be; null when it can. */
export const faultOfMessage = (template: string): string | null => {
  const named: readonly string[] = template.match(/\{[^{}]*\}/g) ?? [];
  const unknown = named.find((name) => !["{timestamp}", "{query}", "{body}"].includes(name));
  if (unknown !== undefined) return "names something unknown in braces";
  if (!named.includes("{body}")) return "has no {body}: whoever saw one signature could send any body";
  return new Set(named).size === named.length ? null : "names something twice";
};

const digestBytes: Readonly<Record<Algorithm, number>> = { sha256: 32, sha512: 64 };

/**
 * Hex in one case, or canonical Base64, of a whole digest. Mixed case and stray bits are refused, so that no two texts of
 * one alphabet stand for the same signature.
 */
export const decodeSignature = (
  text: string,
  { algorithm, encoding }: Pick<Recipe, "algorithm" | "encoding">,
): Buffer | null => {
  const bytes = digestBytes[algorithm];
  if (text.length === bytes * 2)
    return encoding !== "base64" && /^(?:[0-9a-f]+|[0-9A-F]+)$/.test(text) ? Buffer.from(text, "hex") : null;
  if (encoding === "hex" || text.length !== Math.ceil(bytes / 3) * 4) return null;
  const decoded = Buffer.from(text, "base64");
  return decoded.length === bytes && decoded.toString("base64") === text ? decoded : null;
};

const withoutPadding = (text: string): string => text.replace(/={1,2}$/, "");

/** Null when the text is not written so. `whsec_` is the mark of a Base64 key, and no part of it. */
export const decodeKey = (text: string, encoding: KeyEncoding): Buffer | null => {
  if (encoding === "text") return Buffer.from(text, "utf8");
  const bare = encoding === "base64" ? withoutPadding(text.replace(/^whsec_/, "")) : text.toLowerCase();
  const bytes = Buffer.from(bare, encoding);
  const again = bytes.toString(encoding);
  return bytes.length > 0 && bare === (encoding === "base64" ? withoutPadding(again) : again) ? bytes : null;
};

import { parseSecrets } from "./named-secrets.ts";
import { decodeKey, type KeyEncoding, presets } from "./recipe.ts";

const recipeSettings = [
  "HMAC_ALGORITHM",
  "HMAC_SIGNATURE_HEADER",
  "HMAC_TIMESTAMP_HEADER",
  "HMAC_MESSAGE",
  "HMAC_SIGNATURE_PREFIX",
  "HMAC_ENCODING",
  "HMAC_KEY_ENCODING",
] as const;

/** Settings as written, empty ones left out: those on who may call. */
export type AuthenticationTexts = Readonly<
  Partial<
    Record<
      | ("AUTH" | "BASIC_USERS" | "CAPTURE" | "HMAC_KEYS" | "HMAC_MAX_AGE_MS" | "HMAC_SCHEME" | "LOG_LEVEL")
      | ("TOKENS" | (typeof recipeSettings)[number]),
      string
    >
  >
>;
type Texts = AuthenticationTexts;
type Rule = { readonly broken: (texts: Texts) => boolean; readonly says: string };

/**
 * 10 s, 30 s, 1 min … 2 h: sixteen retries, 4 h 45 min 40 s in all:
 * https://www.esignglobal.com/developer-center/document/vfj16znziy18o17n4sc5y7ng
 */
const retryLadderMs = 17_140_000;

const names = ({ AUTH = "" }: Texts, method: string): boolean =>
  AUTH.split(",").some((entry) => entry.trim().toLowerCase() === method);
const isCustom = (t: Texts): boolean => names(t, "hmac") && t.HMAC_SCHEME === "custom";
const signsTimestamp = (t: Texts): boolean => t.HMAC_MESSAGE?.includes("{timestamp}") ?? true;

const faults: readonly Rule[] = [
  {
    broken: (t) => names(t, "hmac") && t.HMAC_KEYS === undefined,
    says: "HMAC_KEYS is required by AUTH=hmac: name:secret, several with commas, for example HMAC_KEYS=main:<secret>",
  },
  {
    broken: (t) => names(t, "token") && t.TOKENS === undefined,
    says: "TOKENS is required by AUTH=token: name:token, several with commas, for example TOKENS=main:<token>",
  },
  {
    broken: (t) => names(t, "basic") && t.BASIC_USERS === undefined,
    says: "BASIC_USERS is required by AUTH=basic: name:password, several with commas, for example BASIC_USERS=main:<password>",
  },
  {
    broken: (t) => isCustom(t) && t.HMAC_SIGNATURE_HEADER === undefined,
    says: "HMAC_SIGNATURE_HEADER is required by HMAC_SCHEME=custom: the header that holds the signature, for example HMAC_SIGNATURE_HEADER=x-signature",
  },
  {
    broken: (t) => isCustom(t) && signsTimestamp(t) && t.HMAC_TIMESTAMP_HEADER === undefined,
    says: "HMAC_TIMESTAMP_HEADER is required by the {timestamp} in HMAC_MESSAGE: name the header, for example HMAC_TIMESTAMP_HEADER=x-timestamp, or leave it out of HMAC_MESSAGE, for example HMAC_MESSAGE={query}{body}",
  },
  {
    broken: (t) => isCustom(t) && !signsTimestamp(t) && Number(t.HMAC_MAX_AGE_MS ?? 0) > 0,
    says: "HMAC_MAX_AGE_MS needs a {timestamp} in HMAC_MESSAGE: one that is not signed can be anything; for example HMAC_MAX_AGE_MS=0",
  },
];

const keyEncodings: readonly KeyEncoding[] = ["text", "hex", "base64"];
const keyEncodingOf = (t: Texts): KeyEncoding => {
  if (t.HMAC_SCHEME === "standard-webhooks") return presets["standard-webhooks"].keyEncoding;
  const written = t.HMAC_SCHEME === "custom" ? t.HMAC_KEY_ENCODING : "text";
  return keyEncodings.find((one) => one === written) ?? "text";
};

/** By number, never by name: where the name is forgotten, the secret stands in its place. */
const faultsOfKeys = (t: Texts): string[] => {
  const encoding = keyEncodingOf(t);
  const parsed = parseSecrets(t.HMAC_KEYS ?? "");
  if (!names(t, "hmac") || "wrong" in parsed) return [];
  const odd = parsed.value.findIndex(({ secret }) => decodeKey(secret, encoding) === null);
  if (odd === -1) return [];
  const why =
    t.HMAC_SCHEME === "custom"
      ? `HMAC_KEY_ENCODING asks for; for example HMAC_KEY_ENCODING=text`
      : "HMAC_SCHEME=standard-webhooks asks for; for example HMAC_KEYS=main:whsec_<Base64>";
  return [`HMAC_KEYS is wrong in entry ${odd + 1}, whose key is no ${encoding}, which ${why}`];
};

const doubts: readonly Rule[] = [
  {
    broken: (t) => names(t, "none"),
    says: "AUTH is none: whoever reaches the port can publish events; use AUTH=hmac outside of trials",
  },
  {
    broken: (t) => t.HMAC_KEYS !== undefined && !names(t, "hmac"),
    says: "HMAC_KEYS is set, and AUTH does not name hmac: signatures are not checked",
  },
  {
    broken: (t) => t.TOKENS !== undefined && !names(t, "token"),
    says: "TOKENS is set, and AUTH does not name token: tokens are not checked",
  },
  {
    broken: (t) => t.BASIC_USERS !== undefined && !names(t, "basic"),
    says: "BASIC_USERS is set, and AUTH does not name basic: passwords are not checked",
  },
  {
    broken: (t) => isCustom(t) && !signsTimestamp(t) && t.HMAC_TIMESTAMP_HEADER !== undefined,
    says: "HMAC_TIMESTAMP_HEADER is set, and HMAC_MESSAGE has no {timestamp}: the header is not looked at",
  },
  {
    broken: ({ HMAC_MAX_AGE_MS: age = "0" }) => Number(age) >= 1 && Number(age) < retryLadderMs + 1000,
    says: `HMAC_MAX_AGE_MS is shorter than eSignGlobal's retries (${retryLadderMs} ms in all): callbacks that it sends again after an outage would be refused and lost; use 0 or ${retryLadderMs + 1000} and more`,
  },
  {
    broken: (t) => t.CAPTURE === "on",
    says: "CAPTURE is on: names and shapes of what arrives are logged, also of what is refused; set CAPTURE=off when you know how eSignGlobal signs",
  },
  {
    broken: (t) => t.CAPTURE === "on" && !["info", "debug", "trace"].includes(t.LOG_LEVEL ?? "info"),
    says: "CAPTURE is on, and LOG_LEVEL hides its lines: use LOG_LEVEL=info",
  },
];

const unusedRecipe = (t: Texts): string[] => {
  const unused = isCustom(t) ? [] : recipeSettings.filter((name) => t[name] !== undefined);
  return unused.map((name) => `${name} is set, and HMAC_SCHEME is not custom: it is not looked at`);
};

const broken = (rules: readonly Rule[], texts: Texts): string[] =>
  rules.filter((rule) => rule.broken(texts)).map((rule) => rule.says);

export const authenticationFaults = (texts: Texts): string[] => [
  ...broken(faults, texts),
  ...faultsOfKeys(texts),
];
export const authenticationDoubts = (texts: Texts): string[] => [
  ...broken(doubts, texts),
  ...unusedRecipe(texts),
];

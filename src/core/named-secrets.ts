/** A value of a setting that was read, or what is wrong with it: never the value itself, which may be a secret. */
export type Parsed<T> = { readonly value: T } | { readonly wrong: string };

/** A key, token or user, and the name under which it shows up as a callback's source. */
export type NamedSecret = { readonly name: string; readonly secret: string };

const faultOfSecret = (entry: string): string | null => {
  const colon = entry.indexOf(":");
  if (entry === "") return "is empty";
  if (colon === -1) return "has no ':' between name and secret";
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(entry.slice(0, colon))) return "has a name with other characters";
  return colon === entry.length - 1 ? "has nothing after the ':'" : null;
};
export const parseSecrets = (text: string): Parsed<readonly NamedSecret[]> => {
  const names = new Map<string, number>();
  const secrets: NamedSecret[] = [];
  for (const [index, raw] of text.split(",").entries()) {
    const entry = raw.trimStart();
    const fault = faultOfSecret(entry);
    // By number, never by name: where the name is forgotten, the secret stands in its place.
    if (fault !== null) return { wrong: `is wrong in entry ${index + 1}, which ${fault}` };
    const colon = entry.indexOf(":");
    const name = entry.slice(0, colon);
    const first = names.get(name);
    if (first !== undefined) return { wrong: `has the same name in entries ${first} and ${index + 1}` };
    names.set(name, index + 1);
    secrets.push({ name, secret: entry.slice(colon + 1) });
  }
  return { value: secrets };
};
export const parseTokens = (text: string): Parsed<readonly NamedSecret[]> => {
  const parsed = parseSecrets(text);
  if ("wrong" in parsed) return parsed;
  const odd = parsed.value.findIndex(({ secret }) => !/^[\x21-\x7e]+$/.test(secret));
  return odd === -1
    ? parsed
    : { wrong: `is wrong in entry ${odd + 1}, whose token no HTTP header can carry` };
};

/** Shorter ones can be guessed from one signed callback or by trying. */
const fewest = 16;
const short = (setting: string, secrets: readonly NamedSecret[]): string[] =>
  secrets
    .filter(({ secret }) => secret.length < fewest)
    .map(({ name }) => `${setting}: the secret named ${name} has fewer than ${fewest} characters`);

type Secrets = Readonly<Record<"hmacKeys" | "tokens" | "basicUsers", readonly NamedSecret[]>>;
export const shortSecrets = ({ hmacKeys, tokens, basicUsers }: Secrets): string[] => [
  ...short("HMAC_KEYS", hmacKeys),
  ...short("TOKENS", tokens),
  ...short("BASIC_USERS", basicUsers),
];

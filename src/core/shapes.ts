/** What a text looks like, and nothing of what it says. */
type Kind = readonly [name: string, pattern: RegExp];

/** The first that fits. Short texts of these letters are more likely words. */
const kinds: readonly Kind[] = [
  ["digits", /^\d+$/],
  ["hex", /^[0-9a-f]{16,}$/],
  ["HEX", /^[0-9A-F]{16,}$/],
  ["UUID", /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i],
  ["Base64", /^(?=.{24})(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/],
  ["Base64url", /^[\w-]{43}$|^[\w-]{86}$/],
];

/** Words of the many ways to send a signature or a token: shown as they are, since they are no secret. */
const mark = /^(?:sha(?:1|256|512)[=:]|hmac-sha(?:256|512)[ =:]|v\d[a-z]?[,=]|t=|Bearer |Basic |Digest )/i;
const whsec = "whsec_";

const plain = (text: string): string => {
  if (text === "") return "empty";
  const [kind] = kinds.find(([, pattern]) => pattern.test(text)) ?? ["text"];
  return `${kind} ${text.length}`;
};

const marked = (text: string): string => {
  const word = text.startsWith(whsec) ? whsec : (mark.exec(text)?.[0] ?? "");
  return word + plain(text.slice(word.length));
};

/** Several signatures stand with spaces or commas between them; more parts than that are prose. */
const most = 4;

/** `hex 64`, `v1,Base64 44 v1,Base64 44`, `t=digits 10,v1=hex 64`, `text 12`: kinds and lengths, never the value. */
export const shapeOf = (text: string): string => {
  for (const separator of [" ", ","]) {
    const parts = text.split(separator).map(marked);
    const isList = parts.length > 1 && parts.length <= most && !parts.some((part) => /text|empty/.test(part));
    if (isList) return parts.join(separator);
  }
  return marked(text);
};

import { bodyLimitBytes } from "./bodies.ts";
import { mutated, type Random } from "./random.ts";
import { joined, type Made, type Parts, signedParts } from "./requests.ts";
import { chunkSizes, codings, headerLines, path, requestLines, wrongLengths } from "./strange-lines.ts";

// Requests that are no HTTP, or that two readers may understand in two ways. What is right cannot be told beforehand, so
// these end their connection; whatever is admitted must still be a body that was signed.

type Odd = (random: Random, parts: Parts) => string;

const lengths: Odd = (random, { line, lines, body }) => {
  const off = Math.max(0, body.length + random.pick([-1, 1, -100, 100, 1_000_000, -body.length]));
  const one = random.chance(0.5) ? `${off}` : random.pick(wrongLengths);
  const more = random.chance(0.3) ? [`Content-Length: ${body.length}`] : [];
  const both = [
    `${random.pick(["Content-Length: ", "content-length:", "Content-Length : "])}${one}`,
    ...more,
  ];
  return joined(line, [...lines, ...(random.chance(0.5) ? both : both.toReversed())], body);
};

const chunks: Odd = (random, { line, lines, body }) => {
  const size = random.chance(0.6)
    ? random.pick(chunkSizes)
    : (body.length + random.below(3) - 1).toString(16);
  const end = random.pick(["\r\n", "\n", "\r", ""]);
  const tail = random.pick([
    "0\r\n\r\n",
    "0\n\n",
    "0\r\n",
    "",
    "0\r\nX: y\r\nContent-Length: 3\r\n\r\n",
    "00\r\n\r\n",
  ]);
  return joined(line, [...lines, "Transfer-Encoding: chunked"], size + end + body + end + tail);
};

/** Who counts by the length and who by the chunks sees two different requests behind. */
const both: Odd = (random, { line, lines, body }) => {
  const hidden = joined(`POST ${path} HTTP/1.1`, ["Host: hidden", "Content-Length: 2"], "{}");
  const rest = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n${hidden}`;
  const length = `Content-Length: ${random.pick([rest.length, body.length, 0, 5])}`;
  const name = random.pick([
    "Transfer-Encoding",
    "transfer-encoding ",
    "Transfer-Encoding\t",
    "Transfer_Encoding",
  ]);
  const coding = `${name}: ${random.pick(codings)}`;
  const framing = random.pick([
    [length, coding],
    [coding, length],
    [coding],
    [coding, coding],
    [length, length],
  ]);
  return joined(line, [...lines, ...framing], random.pick([rest, body, hidden]));
};

const floods: Odd = (random, { line, lines, body }) => {
  const flood = random.pick([
    (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: ${i}`),
    (count: number) => Array.from({ length: count }, () => "Cookie: a=b"),
    (count: number) => [`X-Long: ${"y".repeat(count * 10)}`],
    (count: number) => [`${"X".repeat(count * 10)}: y`],
    (count: number) => Array.from({ length: count }, () => ":"),
    (count: number) => [...lines, ...Array.from({ length: count }, () => lines.at(-1) ?? "")],
  ])(random.pick([10, 999, 1999, 2001, 20_000]));
  return joined(line, [...lines, ...flood, `Content-Length: ${body.length}`], body);
};

const lines: Odd = (random, parts) =>
  joined(random.pick(requestLines), [...parts.lines, `Content-Length: ${parts.body.length}`], parts.body);

const headers: Odd = (random, { line, lines: own, body }) => {
  const odd = Array.from({ length: 1 + random.below(3) }, () => random.pick(headerLines));
  const all = random.chance(0.5) ? [...odd, ...own] : [...own, ...odd];
  return joined(line, [...all, `Content-Length: ${body.length}`], body);
};

const noise: Odd = (random) =>
  random.pick([
    random.bytes(1 + random.below(200)),
    `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03${random.bytes(500)}`,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    "SSH-2.0-OpenSSH_9.6\r\n",
    "\0".repeat(1 + random.below(5000)),
    "\r\n".repeat(1 + random.below(5000)),
    "GET / HTTP/1.1\r\n".repeat(100),
    "\x80\x80\x01\x03\x01",
    "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
    `{"event":"ENVELOPE_FINISH"}`,
  ]);

const tooLarge: Odd = (random, { line, lines: own }) => {
  const body = "x".repeat(bodyLimitBytes + random.pick([1, 1000]));
  const inChunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  return random.chance(0.5)
    ? joined(line, [...own, `Content-Length: ${body.length}`], body)
    : joined(line, [...own, "Transfer-Encoding: chunked"], inChunks);
};

/** Ends in the middle of somewhere. */
const cut: Odd = (random, { line, lines: own, body }) => {
  const whole = joined(line, [...own, `Content-Length: ${body.length}`], body);
  return whole.slice(0, 1 + random.below(whole.length));
};

const changed: Odd = (random, { line, lines: own, body }) => {
  const head = joined(line, [...own, `Content-Length: ${body.length}`], "");
  return random.chance(0.7) ? mutated(random, head) + body : head + mutated(random, body);
};

const of =
  (make: Odd) =>
  (random: Random): Made => {
    const parts = signedParts(random);
    // Half of them without a signature: nothing of those may ever be admitted.
    const isSigned = random.chance(0.5);
    const text = make(random, isSigned ? parts : { ...parts, lines: ["Host: bridge"] });
    return { text, status: null, signed: isSigned ? parts.body : null };
  };

export const oddKinds: Readonly<
  Record<string, { readonly weight: number; readonly make: ReturnType<typeof of> }>
> = {
  "changed bytes": { weight: 60, make: of(changed) },
  "wrong lengths": { weight: 40, make: of(lengths) },
  "odd chunks": { weight: 40, make: of(chunks) },
  "length and chunks": { weight: 40, make: of(both) },
  "header floods": { weight: 15, make: of(floods) },
  "odd request lines": { weight: 40, make: of(lines) },
  "odd headers": { weight: 40, make: of(headers) },
  "no HTTP": { weight: 20, make: of(noise) },
  "cut off": { weight: 20, make: of(cut) },
  "too large": { weight: 1, make: of(tooLarge) },
};

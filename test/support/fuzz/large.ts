// Large bodies of every make, since what is quick on a small one may take minutes on them. All texts are bytes: one character
// for each (latin1).

/** What is repeated; the marks among them are out of order, so that normalizing has to sort them. */
const units = {
  letters: "x",
  marks: "\xcc\x81\xcc\xa3",
  "vowel signs": "\xe0\xbd\xb2\xe0\xbd\xb1",
  ligatures: "\xef\xb7\xba",
  jamo: "\xe1\x84\x80\xe1\x85\xa1",
  han: "\xe5\x8f\x96",
  blanks: " ",
  digits: "9",
  zeros: "0",
  escapes: "\\u0000",
  surrogates: "\\ud800",
  backslashes: "\\\\",
  quotes: '\\"',
  braces: "{",
  objects: '{\\"a\\":',
  "sensitive names": "accessCode ",
  "escaped names": "\\u0061ccessCode",
} as const;

/** Where it stands. */
const places = {
  alone: (text: string) => text,
  id: (text: string) => `{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"${text}"}}`,
  action: (text: string) => `{"event":"${text}","eventPayload":{"envelopeId":"e"}}`,
  "text of its own": (text: string) =>
    `{"event":"ENVELOPE_CANCEL","eventPayload":{"envelopeId":"e","reason":"${text}"}}`,
  number: (text: string) =>
    `{"event":"ENVELOPE_CANCEL","eventPayload":{"envelopeId":"e","envelopeStatus":"${text}"}}`,
  time: (text: string) =>
    `{"event":"ENVELOPE_CANCEL","eventPayload":{"envelopeId":"e","expireTime":"${text}"}}`,
  key: (text: string) => `{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"e","${text}":1}}`,
  "outer key": (text: string) => `{"event":"ENVELOPE_FINISH","${text}":1,"eventPayload":{"envelopeId":"e"}}`,
  unmapped: (text: string) => `{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"e","x":"{${text}"}}`,
  unrecognized: (text: string) => `{"event":"NEW","eventPayload":{"envelopeId":"e","x":"${text}"}}`,
  "text in a text": (text: string) =>
    `{"event":"ENVELOPE_FINISH","eventPayload":"{\\"envelopeId\\":\\"e\\",\\"x\\":\\"${text}\\"}"}`,
} as const;

/** Repeated with a comma between, inside an envelope. */
const members = {
  keys: (i: number) => `"k${i}":1`,
  objects: (i: number) => `"k${i}":{"envelopeStatus":1}`,
  texts: (i: number) => `"k${i}":"{\\"accessCode\\":\\"{}\\"}"`,
  "the same key": () => '"envelopeId":"e"',
  spellings: (i: number) => `"envelope${" ".repeat(i % 50)}Id${"_".repeat(i % 37)}":"e${i}"`,
  lists: (i: number) => `"k${i}":{"signerList":[{"userName":"x"}]}`,
  numbers: (i: number) => `"k${i}":1e${i}`,
} as const;
const items = {
  signers: '{"userName":"x"}',
  "empty signers": "{}",
  "no signers": "1",
  "long numbers": "12345678901234567890",
} as const;
const numbers = {
  "zeros inside": (count: number) => `1${"0".repeat(count)}1`,
  "zeros behind": (count: number) => `1${"0".repeat(count)}`,
  "zeros in front": (count: number) => `0.${"0".repeat(count)}1`,
  nines: (count: number) => "9".repeat(count),
  exponent: (count: number) => `1e${"0".repeat(count)}1`,
  blanks: (count: number) => `${" ".repeat(count)}1`,
} as const;

const filled = (bytes: number, one: (i: number) => string): string => {
  const parts: string[] = [];
  for (let length = 0, i = 0; ; i += 1) {
    const part = one(i);
    length += part.length + 1;
    if (length > bytes) return parts.join(",");
    parts.push(part);
  }
};
const envelope = (inner: string): string =>
  `{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"e",${inner}}}`;

/** What surrounds the repeated. */
const besideBytes = 100;

type Large = readonly [name: string, make: (bytes: number) => string];

export const largeBodies: readonly Large[] = [
  ...Object.entries(places).flatMap(([place, put]) =>
    Object.entries(units).map(([what, unit]): Large => {
      const make = (bytes: number) => put(unit.repeat(Math.floor((bytes - besideBytes) / unit.length)));
      return [`${what} as ${place}`, make];
    }),
  ),
  ...Object.entries(members).map(([what, one]): Large => {
    return [`many ${what}`, (bytes) => envelope(filled(bytes - besideBytes, one))];
  }),
  ...Object.entries(items).map(([what, item]): Large => {
    return [`many ${what}`, (bytes) => envelope(`"signerList":[${filled(bytes - besideBytes, () => item)}]`)];
  }),
  ...Object.entries(numbers).map(([what, number]): Large => {
    return [`a number with ${what}`, (bytes) => envelope(`"x":[${number(bytes - besideBytes)}]`)];
  }),
];

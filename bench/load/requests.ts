import { createHmac, createSecretKey, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const fixtures = join(import.meta.dirname, "..", "..", "test", "fixtures");
const dialects = ["apps-callback", "webhook"];
const id = "0".repeat(32);
const signature = "f".repeat(64);
const timestamp = "1760000000000";
const slabBytes = 1024 * 1024;
const preparedBytesAtMost = 400e6;

type Template = {
  readonly bytes: Buffer;
  readonly bodyAt: number;
  readonly idAt: number;
  readonly signatureAt: number;
};

export type Requests = {
  /** Makes so many now, as far as memory allows; the rest is made by `next`, at about 5 µs each (40 µs with 32 KB). */
  readonly prepare: (count: number) => void;
  /** A signed request that no other is equal to. */
  readonly next: () => Buffer;
};

/** Every event in every dialect that has it, as JSON of one line. */
const payloads = (): readonly string[] =>
  dialects.flatMap((dialect) =>
    readdirSync(join(fixtures, dialect))
      .filter((file) => !file.endsWith(".expected.json"))
      .map((file) => JSON.stringify(JSON.parse(readFileSync(join(fixtures, dialect, file), "utf8")))),
  );

/** A longer name of a person or a field: more bytes of the same kind, and no key that was not there before. */
const padded = (payload: string, bytes: number): string => {
  const missing = bytes - Buffer.byteLength(payload);
  return payload.replace(/"(userName|fieldName)":"/, (found) => found + "n".repeat(Math.max(0, missing)));
};

const toTemplate = (payload: string, port: number, bodyBytes: number): Template => {
  const withId = payload.replace(/("(?:envelopeId|taskId)":")[^"]*/, `$1${id}`);
  const body = padded(withId, bodyBytes);
  const head = [
    "POST /callback HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "User-Agent: bench",
    "Accept: */*",
    "Content-Type: application/json; charset=UTF-8",
    `X-Tsign-Open-Timestamp: ${timestamp}`,
    `X-Tsign-Open-Signature: ${signature}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ].join("\r\n");
  const bytes = Buffer.from(`${head}\r\n\r\n${body}`);
  return {
    bytes,
    bodyAt: head.length + 4,
    idAt: bytes.indexOf(id),
    signatureAt: bytes.indexOf(signature),
  };
};

export type RequestOptions = {
  readonly port: number;
  readonly secret: string;
  readonly bodyBytes: number;
};

/** All events in turn, in both dialects, each with an id of its own and its signature. */
export const createRequests = ({ port, secret, bodyBytes }: RequestOptions): Requests => {
  const templates = payloads().map((payload) => toTemplate(payload, port, bodyBytes));
  const key = createSecretKey(Buffer.from(secret));
  const run = randomBytes(10).toString("hex");
  let made = 0;
  let slab = Buffer.allocUnsafeSlow(slabBytes);
  let used = 0;

  const make = (): Buffer => {
    const template = templates[made % templates.length];
    if (template === undefined) throw new Error("there are no fixtures");
    const { length } = template.bytes;
    if (used + length > slab.length) {
      slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, length));
      used = 0;
    }
    const request = slab.subarray(used, used + length);
    used += length;
    template.bytes.copy(request);
    request.write(run + made.toString(16).padStart(12, "0"), template.idAt, "latin1");
    const signed = createHmac("sha256", key).update(timestamp).update(request.subarray(template.bodyAt));
    request.write(signed.digest("hex"), template.signatureAt, "latin1");
    made += 1;
    return request;
  };

  const ready: Buffer[] = [];
  return {
    prepare: (count) => {
      for (let bytes = 0; ready.length < count && bytes < preparedBytesAtMost;) {
        const request = make();
        bytes += request.length;
        ready.push(request);
      }
    },
    next: () => ready.pop() ?? make(),
  };
};

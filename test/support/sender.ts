import { createHash, createHmac } from "node:crypto";

export const hmacSecret = "a-secret-of-more-than-sixteen-bytes";
/** Settings under which `signed` is admitted, as the source `main`. */
export const hmacSettings = { AUTH: "hmac", HMAC_KEYS: `main:${hmacSecret}` };

/** As eSignGlobal signs by the scheme `tsign`, for an address without a query. */
export const signed = (body: Buffer, secret: string = hmacSecret): Record<string, string> => {
  const timestamp = String(Date.now());
  const signature = createHmac("sha256", secret).update(timestamp).update(body).digest("hex");
  return {
    "content-type": "application/json",
    "x-tsign-open-timestamp": timestamp,
    "x-tsign-open-signature": signature,
  };
};

/** As the bridge must make it. */
export const idOf = (body: Buffer): string => createHash("sha256").update(body).digest("hex").slice(0, 32);

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** From the call to the end of the answer. */
  readonly ms: number;
};

export const post = async (
  port: number,
  body: Buffer,
  headers: Record<string, string> = signed(body),
): Promise<Answer> => {
  const startedAt = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/callback`, {
    method: "POST",
    headers,
    body: new Uint8Array(body),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text, ms: performance.now() - startedAt };
};

import type { Result } from "./result.ts";

/** What a sender can be known by. Header names in lower case. */
export type Presented = {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The URL's query as sent, without the question mark. */
  readonly query: string;
  /** The last path segment, when there is one behind the callback path. */
  readonly pathToken: string | null;
  /** The body as received: a signature covers these bytes, not what they mean. */
  readonly body: Buffer;
};

export type AdmissionRefusal =
  | "signature-missing"
  | "signature-mismatch"
  | "timestamp-outside-window"
  | "token-missing"
  | "token-mismatch"
  | "basic-missing"
  | "basic-mismatch";

/** Gives the name of the key, token or user that matched. `now` in milliseconds since 1970. */
export type Check = (presented: Presented, now: number) => Result<string, AdmissionRefusal>;

/** A header that is empty or an array says nothing. */
export const headerOf = ({ headers }: Presented, name: string): string | null => {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : null;
};

import type { Refusal, Result } from "./result.ts";
import type { AdmittedBody } from "./signature.ts";

/** What makes the acknowledgement of a callback safe, and the event, as far as it is known by then. */
export type Acknowledgement = {
  readonly after: "published" | "stored" | "duplicate";
  readonly event: string;
};

export type Accepted = Result<Acknowledgement, Refusal>;

/**
 * Keeps an admitted callback and resolves when the sender may be answered, or when the time is up.
 * `msLeft`: whole milliseconds from now, what is left of the one deadline that began with the request.
 */
export type Accept = (admitted: AdmittedBody, msLeft: number) => Promise<Accepted>;

/** What becomes of a callback, a record or a start that failed in an expected way. Looked up, never decided on the spot. */
export type FailureRule =
  /** The sender hears of it: the HTTP status. */
  | { readonly handling: "refuse"; readonly status: number }
  /** Ends a connection: there is no request yet, or there were too many bad ones. */
  | { readonly handling: "hang-up" }
  /** Sent again for ever, with back-off. The scope says whether other topics are likely to fare better. */
  | { readonly handling: "retry"; readonly scope: "cluster" | "topic" }
  /** Only this topic waits, and an operator must act. */
  | { readonly handling: "park" }
  /** The bytes go to the dead-letter topic: no retry mends it. */
  | { readonly handling: "dead-letter" }
  /** Ends the start: an operator must act before anything can work. */
  | { readonly handling: "fatal" };

export const failures = {
  // Before the journal: the sender gets a status.
  "request-malformed": { handling: "refuse", status: 400 },
  "signature-missing": { handling: "refuse", status: 401 },
  "signature-mismatch": { handling: "refuse", status: 401 },
  "timestamp-outside-window": { handling: "refuse", status: 401 },
  "token-missing": { handling: "refuse", status: 401 },
  "token-mismatch": { handling: "refuse", status: 401 },
  "basic-missing": { handling: "refuse", status: 401 },
  "basic-mismatch": { handling: "refuse", status: 401 },
  "address-refused": { handling: "refuse", status: 403 },
  "path-unknown": { handling: "refuse", status: 404 },
  "method-not-allowed": { handling: "refuse", status: 405 },
  "body-too-slow": { handling: "refuse", status: 408 },
  "body-too-large": { handling: "refuse", status: 413 },
  "encoding-unsupported": { handling: "refuse", status: 415 },
  "rate-limited": { handling: "refuse", status: 429 },
  "headers-too-large": { handling: "refuse", status: 431 },
  "in-flight-limit": { handling: "refuse", status: 503 },
  "bytes-in-flight-limit": { handling: "refuse", status: 503 },
  "journal-full": { handling: "refuse", status: 503 },
  "journal-failed": { handling: "refuse", status: 503 },
  "deadline-passed": { handling: "refuse", status: 503 },
  closing: { handling: "refuse", status: 503 },

  // Where a connection is closed, whatever it would still ask.
  "connection-limit": { handling: "hang-up" },
  "address-connection-limit": { handling: "hang-up" },
  "too-many-refusals": { handling: "hang-up" },
  "handshake-failed": { handling: "hang-up" },
  "client-certificate-refused": { handling: "hang-up" },

  // Reading a callback.
  "not-json": { handling: "dead-letter" },
  "not-an-object": { handling: "dead-letter" },
  "too-deep": { handling: "dead-letter" },
  "no-action": { handling: "dead-letter" },
  "no-id": { handling: "dead-letter" },
  "value-unencodable": { handling: "dead-letter" },

  // Publishing a record.
  "record-too-large": { handling: "dead-letter" },
  "record-invalid": { handling: "dead-letter" },
  "broker-unavailable": { handling: "retry", scope: "cluster" },
  "broker-timeout": { handling: "retry", scope: "cluster" },
  "leader-unavailable": { handling: "retry", scope: "topic" },
  "replicas-insufficient": { handling: "retry", scope: "topic" },
  "record-not-sent": { handling: "retry", scope: "topic" },
  "credentials-refused": { handling: "retry", scope: "cluster" },
  "tls-failed": { handling: "retry", scope: "cluster" },
  "schema-id-missing": { handling: "retry", scope: "topic" },
  "topic-missing": { handling: "park" },
  "topic-unauthorized": { handling: "park" },
  "topic-policy": { handling: "park" },

  // The registry, at start; TLS may fail here too.
  "registry-unavailable": { handling: "retry", scope: "cluster" },
  "registry-refused": { handling: "retry", scope: "cluster" },
  "schema-incompatible": { handling: "fatal" },
  "schema-invalid": { handling: "fatal" },
  "subject-unknown": { handling: "fatal" },

  // The port for callbacks, at start.
  "certificate-unusable": { handling: "fatal" },

  // The journal, at start.
  "journal-locked": { handling: "fatal" },
  "journal-unusable": { handling: "fatal" },
  "journal-version-unknown": { handling: "fatal" },
  "journal-key-missing": { handling: "fatal" },
} as const satisfies Record<string, FailureRule>;

export type FailureCode = keyof typeof failures;

const ofSettings: ReadonlySet<FailureCode> = new Set([
  "credentials-refused",
  "registry-refused",
  "tls-failed",
]);
/** Tried again for ever, and yet no time mends it: settings, certificates or rights do not agree. */
export const needsOperator = (code: FailureCode): boolean => ofSettings.has(code);

type CodesOf<H extends FailureRule["handling"]> = {
  [C in FailureCode]: (typeof failures)[C]["handling"] extends H ? C : never;
}[FailureCode];

/** A failure that the sender hears of. */
export type Refusal = CodesOf<"refuse">;
/** A reason to end a connection without an answer. */
export type HangUp = CodesOf<"hang-up">;
/** A failure for which the bytes go to the dead letters. */
export type DeadLetterReason = CodesOf<"dead-letter">;

export type Failure<Code extends FailureCode = FailureCode> = {
  readonly ok: false;
  readonly code: Code;
  /** For the operator; holds no secret and nothing of a payload. */
  readonly detail: string;
};
export type Result<T, Code extends FailureCode = FailureCode> =
  | { readonly ok: true; readonly value: T }
  | Failure<Code>;

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

export const fail = <Code extends FailureCode>(code: Code, detail = ""): Failure<Code> => ({
  ok: false,
  code,
  detail,
});

const rules = new Map<string, FailureRule>(Object.entries(failures));

export const isDeadLetterReason = <Code extends string>(code: Code): code is Code & DeadLetterReason =>
  rules.get(code)?.handling === "dead-letter";

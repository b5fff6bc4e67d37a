import type { Result } from "./result.ts";

/** A record ready for Kafka. */
export type KafkaRecord = {
  readonly topic: string;
  /** Null: any partition. */
  readonly key: string | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string | Buffer>>;
  /** Milliseconds since 1970: when the callback was received. */
  readonly timestamp: number;
};

export type Delivered = { readonly partition: number };

/** Failures of the cluster concern every record; those of a topic or a record are found by sending less. */
export type SinkFailure =
  | "broker-unavailable"
  | "broker-timeout"
  | "leader-unavailable"
  | "replicas-insufficient"
  | "record-not-sent"
  | "credentials-refused"
  | "tls-failed"
  | "topic-missing"
  | "topic-unauthorized"
  | "topic-policy"
  | "record-too-large"
  | "record-invalid";

export type SinkOutcome = Result<Delivered, SinkFailure>;

/**
 * Where records go. One relay calls it; calls are served one after another.
 *
 * A record is `ok` only when every in-sync replica has it. A failed record may all the same have arrived: send it again,
 * under the same `ce_id`. Within a call, records of one topic and key keep their order.
 */
export interface Sink extends AsyncDisposable {
  /** Sends each record once. One outcome per record, in order; never rejects; ends within its own deadline. */
  send(records: readonly KafkaRecord[]): Promise<readonly SinkOutcome[]>;
}

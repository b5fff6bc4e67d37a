import { hash } from "node:crypto";
import type { Type } from "avsc";
import { type Callback, readCallback } from "./callback.ts";
import { catalog, deadLetterTopic, type EventName, type SchemaName, topicOf } from "./catalog.ts";
import type { Arrival, DeadLetter } from "./journal.ts";
import { createMemo } from "./memo.ts";
import { type DeadLetterReason, fail, type Failure, ok, type Result } from "./result.ts";
import type { KafkaRecord } from "./sink.ts";
import { createFramer } from "./wire.ts";

const idBytes = 16;
const scratch = Buffer.alloc(idBytes);

/** The first 16 bytes of SHA-256 over the body, in hex: the same callback has the same id, on every try of the sender. */
export const eventIdOf = (body: Buffer): string => {
  // A digest as a Buffer of its own costs as much again as the digest.
  scratch.write(hash("sha256", body, "binary"), "latin1");
  return scratch.toString("hex");
};

/** A record, and what the metrics call it. */
export type Encoded = {
  readonly event: EventName | typeof deadLetterTopic;
  readonly record: KafkaRecord;
  /** Why it goes to the dead letters; null when it goes to its own topic. */
  readonly letter: DeadLetter | null;
  /** A byte-identical repeat can only be the sender's retry. */
  readonly once: boolean;
};

export type RecordRules = {
  readonly topicPrefix: string;
  readonly sensitive: "mask" | "publish";
  readonly types: Readonly<Record<SchemaName, Type>>;
  /** The id under which the registry knows the topic's schema; undefined as long as it has not been had. */
  readonly schemaIdOf: (topic: string) => number | undefined;
};

const utf8 = (text: string): Buffer => Buffer.from(text, "utf8");
const specVersion = utf8("1.0");
const avro = utf8("application/avro");
const octets = utf8("application/octet-stream");

type About = { readonly type: string | Buffer; readonly key: string | null; readonly content: Buffer };

/** CloudEvents attributes in Kafka's binary mode. */
const headersOf = (arrival: Arrival, { type, key, content }: About): Record<string, string | Buffer> => {
  const headers: Record<string, string | Buffer> = {
    ce_specversion: specVersion,
    ce_id: arrival.eventId,
    ce_source: arrival.source === null ? "/esignglobal" : `/esignglobal/${arrival.source}`,
    ce_type: type,
    // oxlint-disable-next-line no-restricted-globals -- formats a given time, reads no clock
    ce_time: new Date(arrival.receivedAt).toISOString(),
    "content-type": content,
  };
  if (key !== null) headers["ce_subject"] = key;
  return headers;
};

/** The bytes as they came, secrets included, under a header that says why. */
export const toDeadLetter = (arrival: Arrival, letter: DeadLetter, prefix: string): Encoded => ({
  event: deadLetterTopic,
  letter,
  once: false,
  record: {
    topic: prefix + deadLetterTopic,
    key: arrival.eventId,
    value: arrival.body,
    headers: {
      ...headersOf(arrival, {
        type: `com.esignglobal.${deadLetterTopic}`,
        key: arrival.eventId,
        content: octets,
      }),
      "dead-letter-reason": letter.reason,
      "dead-letter-detail": letter.detail,
      ...(letter.topic === "" ? {} : { "dead-letter-topic": letter.topic }),
    },
    timestamp: arrival.receivedAt,
  },
});

export type RecordEncoder = (arrival: Arrival) => Result<Encoded, "schema-id-missing">;

/**
 * From bytes to a record: in the event's own topic, or in the dead letters when the bytes allow no other.
 * Fails only when the registry has not given the topic's schema id yet.
 */
export const createRecordEncoder = (rules: RecordRules): RecordEncoder => {
  const frame = createFramer();
  const typeHeaderOf = createMemo((event: EventName) => utf8(`com.esignglobal.${catalog[event].topic}`));
  const deadLetter = (arrival: Arrival, failure: Failure<DeadLetterReason>, topic: string) => {
    const letter = { reason: failure.code, detail: failure.detail, topic };
    return ok(toDeadLetter(arrival, letter, rules.topicPrefix));
  };

  const encodeCallback = (arrival: Arrival, callback: Callback): Result<Encoded, "schema-id-missing"> => {
    const { event, key } = callback;
    const topic = topicOf(event, rules.topicPrefix);
    const schemaId = rules.schemaIdOf(topic);
    if (schemaId === undefined) return fail("schema-id-missing", topic);
    const common = {
      eventId: arrival.eventId,
      action: callback.action,
      dialect: callback.dialect,
      source: arrival.source,
      receivedAt: arrival.receivedAt,
    };
    const value = frame(rules.types[catalog[event].schema], schemaId, Object.assign(common, callback.fields));
    if (!value.ok) return deadLetter(arrival, value, topic);
    const headers = headersOf(arrival, { type: typeHeaderOf(event), key, content: avro });
    const record = { topic, key, value: value.value, headers, timestamp: arrival.receivedAt };
    return ok({ event, record, letter: null, once: catalog[event].once });
  };

  return (arrival) => {
    if (arrival.deadLetter !== null) return ok(toDeadLetter(arrival, arrival.deadLetter, rules.topicPrefix));
    const callback = readCallback(arrival.body, rules.sensitive);
    if (!callback.ok) return deadLetter(arrival, callback, "");
    return encodeCallback(arrival, callback.value);
  };
};

import { fail, type Failure } from "../../core/result.ts";
import type { SinkFailure } from "../../core/sink.ts";

/** Kafka's protocol error codes: https://kafka.apache.org/protocol#protocol_error_codes. */
const byProtocolCode: ReadonlyMap<number, SinkFailure> = new Map([
  [2, "record-invalid"], // CORRUPT_MESSAGE
  [3, "topic-missing"], // UNKNOWN_TOPIC_OR_PARTITION
  [5, "leader-unavailable"], // LEADER_NOT_AVAILABLE
  [6, "leader-unavailable"], // NOT_LEADER_OR_FOLLOWER
  [7, "broker-timeout"], // REQUEST_TIMED_OUT
  [10, "record-too-large"], // MESSAGE_TOO_LARGE
  [17, "topic-policy"], // INVALID_TOPIC_EXCEPTION
  [18, "record-too-large"], // RECORD_LIST_TOO_LARGE
  [19, "replicas-insufficient"], // NOT_ENOUGH_REPLICAS
  [20, "replicas-insufficient"], // NOT_ENOUGH_REPLICAS_AFTER_APPEND
  [29, "topic-unauthorized"], // TOPIC_AUTHORIZATION_FAILED
  [31, "credentials-refused"], // CLUSTER_AUTHORIZATION_FAILED
  [32, "record-invalid"], // INVALID_TIMESTAMP
  [33, "credentials-refused"], // UNSUPPORTED_SASL_MECHANISM
  [43, "record-invalid"], // UNSUPPORTED_FOR_MESSAGE_FORMAT
  [44, "topic-policy"], // POLICY_VIOLATION
  [58, "credentials-refused"], // SASL_AUTHENTICATION_FAILED
  [87, "record-invalid"], // INVALID_RECORD
]);

/** kafkajs' own errors, by the name that it gives them. What is not here means that no broker could be reached. */
const byName: ReadonlyMap<string, SinkFailure> = new Map([
  ["KafkaJSSASLAuthenticationError", "credentials-refused"],
  ["KafkaJSRequestTimeoutError", "broker-timeout"],
  ["KafkaJSLockTimeout", "broker-timeout"],
  ["KafkaJSMetadataNotLoaded", "leader-unavailable"],
  ["DeadlinePassed", "broker-timeout"],
]);

const causesOf = (error: unknown): readonly Error[] => {
  const causes: Error[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 5; cause = cause.cause)
    causes.push(cause);
  return causes;
};

const codeOf = (error: Error): SinkFailure | undefined =>
  ("code" in error && typeof error.code === "number" ? byProtocolCode.get(error.code) : undefined) ??
  byName.get(error.name);

/** What a library error means for the records: read from codes and names, never from its text. */
export const toSinkFailure = (error: unknown): Failure<SinkFailure> => {
  const causes = causesOf(error);
  const code = causes.map(codeOf).find((found) => found !== undefined) ?? "broker-unavailable";
  return fail(code, causes.at(-1)?.message ?? String(error));
};

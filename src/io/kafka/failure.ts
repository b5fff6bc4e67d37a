import { fail, type Failure } from "../../core/result.ts";
import type { SinkFailure } from "../../core/sink.ts";
import { tlsFaultOf, tlsWordsOf } from "../../core/tls-faults.ts";
import { connectAdvice } from "./advice.ts";
import type { KafkaSettings } from "./client.ts";

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
  [34, "credentials-refused"], // ILLEGAL_SASL_STATE
  [43, "record-invalid"], // UNSUPPORTED_FOR_MESSAGE_FORMAT
  [44, "topic-policy"], // POLICY_VIOLATION
  [58, "credentials-refused"], // SASL_AUTHENTICATION_FAILED
  [87, "record-invalid"], // INVALID_RECORD
]);

/** kafkajs' own errors, by the name that it gives them. What is not here means that no broker could be reached. */
const byName: ReadonlyMap<string, SinkFailure> = new Map([
  ["KafkaJSSASLAuthenticationError", "credentials-refused"],
  // The leader that the metadata names is not among the brokers, or there is none.
  ["KafkaJSBrokerNotFound", "leader-unavailable"],
  ["KafkaJSRequestTimeoutError", "broker-timeout"],
  ["KafkaJSLockTimeout", "broker-timeout"],
  ["KafkaJSMetadataNotLoaded", "leader-unavailable"],
  ["DeadlinePassed", "broker-timeout"],
]);

const existsAlready = 36;

/** Of several errors, as after making topics, the first that is one. */
const causeOf = (error: Error): unknown => {
  if (!("errors" in error) || !Array.isArray(error.errors)) return error.cause;
  return error.errors.find((one: { code?: unknown }) => one.code !== existsAlready);
};

const causesOf = (error: unknown): readonly Error[] => {
  const causes: Error[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 5; cause = causeOf(cause))
    causes.push(cause);
  return causes;
};

const codeOf = (error: Error): SinkFailure | undefined => {
  if (tlsFaultOf(error) !== null) return "tls-failed";
  const known =
    "code" in error && typeof error.code === "number" ? byProtocolCode.get(error.code) : undefined;
  return known ?? byName.get(error.name);
};

const wordsOf = (error: unknown, causes: readonly Error[]): string => {
  const cause = causes.at(-1);
  if (cause === undefined) return String(error);
  const broker = "broker" in cause && typeof cause.broker === "string" ? `${cause.broker}: ` : "";
  return broker + tlsWordsOf(cause);
};

/** What a library error means for the records: read from codes and names, never from its text. */
export const toSinkFailure = (error: unknown): Failure<SinkFailure> => {
  const causes = causesOf(error);
  const code = causes.map(codeOf).find((found) => found !== undefined) ?? "broker-unavailable";
  const advice =
    code === "topic-unauthorized"
      ? ". Allow the bridge's user WRITE and DESCRIBE on the topic, and CREATE if TOPICS=create"
      : "";
  return fail(code, wordsOf(error, causes) + advice);
};

/** The same while connecting, where the settings may be to blame: the detail names the one to look at. */
export const toConnectFailure = (error: unknown, settings: KafkaSettings): Failure<SinkFailure> => {
  const { code, detail } = toSinkFailure(error);
  const advice = connectAdvice(causesOf(error), settings);
  return fail(code, advice === null ? detail : `${detail}. ${advice}`);
};

import { createRequire } from "node:module";
import type { ISocketFactory, logCreator, logLevel, SASLOptions } from "kafkajs";
import { decodeProduceResponse, type ProduceResponse } from "./produce-response.ts";
import { encodeProduceRequest, type ProduceRequest } from "./produce-request.ts";
import { stopIdleTimerLoop } from "./timer-loop.ts";

/*
 * What is used of the inside of kafkajs 2.2.4: its cluster, which finds brokers, connects, logs in and matches answers to
 * requests. Its producer is not used (decision 2): see `producer.ts`.
 */

/** kafkajs gives the id as text. */
export type ProducerId = { readonly producerId: string; readonly producerEpoch: number };

export type PartitionMetadata = { readonly partitionId: number; readonly leader: number };

export type Broker = {
  readonly produce: (request: ProduceRequest) => Promise<ProduceResponse>;
  readonly initProducerId: (request: { transactionTimeout: number }) => Promise<ProducerId>;
  /** Rejects when one of the topics is missing, or may not be seen, or a partition has no leader. */
  readonly metadata: (topics: readonly string[]) => Promise<{
    readonly topicMetadata: readonly {
      readonly topic: string;
      readonly partitionMetadata: readonly PartitionMetadata[];
    }[];
  }>;
};

export type Cluster = {
  readonly connect: () => Promise<void>;
  readonly disconnect: () => Promise<void>;
  /** Learns the brokers. */
  readonly refreshMetadata: () => Promise<void>;
  /** `findConnectedBroker`: any that can be reached. */
  readonly brokerPool: { readonly findConnectedBroker: () => Promise<Broker> };
  readonly findBroker: (which: { nodeId: number }) => Promise<Broker>;
};

export type ClusterOptions = {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: object;
  readonly sasl?: SASLOptions;
  readonly connectionTimeout: number;
  readonly authenticationTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly retry: object;
  readonly socketFactory: ISocketFactory;
  readonly logLevel: logLevel;
  readonly logCreator: logCreator;
};

type Protocol<Request, Response> = {
  protocol: (of: { version: number }) => (request: Request) => {
    readonly request: object;
    readonly response: {
      readonly decode: (payload: Buffer) => Promise<Response>;
      readonly parse: (response: Response) => Promise<Response>;
    };
  };
};

/** `front`: memory in which the bytes begin at `start`; what is before that is free. */
type Encoder = {
  buf: Buffer;
  offset: number;
  readonly buffer: Buffer;
  front?: { readonly whole: Buffer; readonly start: number };
};
type EncoderClass = { prototype: { writeEncoder: (this: Encoder, value: Encoder) => Encoder } };

const require = createRequire(import.meta.url);
const KafkajsCluster: new (options: object) => Cluster = require("kafkajs/src/cluster");
const { createLogger }: { createLogger: (options: object) => object } = require("kafkajs/src/loggers");
const produce: Protocol<ProduceRequest, ProduceResponse> = require("kafkajs/src/protocol/requests/produce");
const metadata: Protocol<
  { readonly topics: readonly string[] },
  unknown
> = require("kafkajs/src/protocol/requests/metadata");

const encoderClass: EncoderClass = require("kafkajs/src/protocol/encoder");

const produceApiKey = 0;
/** For the length of a request and its head, which holds the client's id. Where it is too little, kafkajs copies. */
const headBytes = 256;

/**
 * kafkajs makes a buffer of 512 bytes for each header of each record, ten or so in all, and of a response takes only the
 * first error, as if nothing had been written. The requests here are the same bytes, written once.
 */
const useOwnProduceProtocol = (): void => {
  produce.protocol =
    ({ version }) =>
    (request) => ({
      request: {
        apiKey: produceApiKey,
        apiVersion: version,
        apiName: "Produce",
        encode: async () => {
          const whole = encodeProduceRequest(request, headBytes);
          const body = whole.subarray(headBytes);
          return { buf: body, buffer: body, front: { whole, start: headBytes } };
        },
      },
      response: {
        decode: async (payload) => decodeProduceResponse(payload, version),
        parse: async (response) => response,
      },
    });
};

/** kafkajs copies a request behind its head, and both behind their length: up to a megabyte twice. Here these go in front. */
const writeHeadsInFront = (): void => {
  const { prototype } = encoderClass;
  const { writeEncoder } = prototype;
  prototype.writeEncoder = function write(this: Encoder, value: Encoder): Encoder {
    const { front } = value;
    if (front === undefined || front.start < this.offset) return writeEncoder.call(this, value);
    const start = front.start - this.offset;
    this.buf.copy(front.whole, start, 0, this.offset);
    this.buf = front.whole.subarray(start);
    this.offset = this.buf.length;
    this.front = { ...front, start };
    return this;
  };
};

/**
 * Asked for no topic, kafkajs asks for all of the cluster, and takes one partition without a leader, whoever owns it, for a
 * failure: nobody could then connect.
 */
const takeForeignTopicsAsTheyAre = (): void => {
  const { protocol } = metadata;
  metadata.protocol = (of) => (request) => {
    const made = protocol(of)(request);
    if (request.topics.length > 0) return made;
    return { ...made, response: { ...made.response, parse: async (response) => response } };
  };
};

stopIdleTimerLoop();
useOwnProduceProtocol();
writeHeadsInFront();
takeForeignTopicsAsTheyAre();

export const createCluster = (options: ClusterOptions): Cluster =>
  new KafkajsCluster({
    ...options,
    logger: createLogger({ level: options.logLevel, logCreator: options.logCreator }),
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
    metadataMaxAge: Infinity,
  });

import type { IncomingMessage } from "node:http";
import type { FastifyRequest } from "fastify";
import { type Exchange, type Gate, isBehindLast, refuse } from "./exchange.ts";

export type BodyLimits = {
  readonly gate: Gate;
  readonly bodyLimitBytes: number;
  readonly network: { readonly maxBytesInFlight: number };
};

/**
 * Refuses the largest body that is still coming until there is room: whoever sends much and slowly keeps out nobody who
 * sends little.
 */
const makeRoom = ({ gate, network }: BodyLimits, exchange: Exchange): void => {
  while (gate.bytes > network.maxBytesInFlight && exchange.outcome === null) {
    let largest = exchange;
    for (const other of gate.reading) if (other.bytes > largest.bytes) largest = other;
    refuse(largest, "bytes-in-flight-limit");
  }
};

/** One piece of memory, however many the chunks are: each would cost far more than its bytes. */
const append = (exchange: Exchange, chunk: Buffer): void => {
  const { body, bytes } = exchange;
  const needed = bytes + chunk.length;
  if (bytes === 0) exchange.body = chunk;
  else {
    if (needed > body.length) {
      exchange.body = Buffer.allocUnsafe(Math.max(needed, 2 * body.length));
      body.copy(exchange.body);
    }
    chunk.copy(exchange.body, bytes);
  }
  exchange.bytes = needed;
};

const wholeOf = ({ body, bytes }: Exchange): Buffer =>
  body.length === bytes ? body : Buffer.from(body.subarray(0, bytes));

const takeChunk = (limits: BodyLimits, exchange: Exchange, chunk: Buffer): void => {
  const { gate, bodyLimitBytes } = limits;
  append(exchange, chunk);
  gate.bytes += chunk.length;
  if (exchange.bytes > bodyLimitBytes) refuse(exchange, "body-too-large");
  else if (gate.bytes > limits.network.maxBytesInFlight) makeRoom(limits, exchange);
};

type Done = (error: Error | null, body?: Buffer) => void;

/** Reads bodies as they are, and counts what is held of them. What was refused is read on and forgotten. */
export const createBodyReader =
  (limits: BodyLimits) =>
  ({ exchange, headers }: FastifyRequest, payload: IncomingMessage, done: Done): void => {
    if (exchange === null) return done(new Error("a request without its exchange"));
    const { reading } = limits.gate;
    const declared = Number(headers["content-length"]);
    if (declared > limits.bodyLimitBytes) refuse(exchange, "body-too-large");
    payload.on("data", (chunk: Buffer) => {
      if (exchange.outcome !== null) return;
      // What comes in one piece never stands among those that are waited for.
      if (exchange.bytes + chunk.length !== declared) reading.add(exchange);
      takeChunk(limits, exchange, chunk);
    });
    payload.on("end", () => {
      reading.delete(exchange);
      if (exchange.outcome !== null || isBehindLast(exchange)) return;
      done(null, wholeOf(exchange));
    });
    payload.on("error", (error: Error) => {
      if (exchange.outcome === null) done(error);
    });
  };

import type { Accept } from "../core/acknowledgement.ts";
import { eventIdOf } from "../core/record.ts";
import { fail } from "../core/result.ts";
import type { AdmittedBody } from "../core/signature.ts";
import { type Accepted, type Answers, monotonicMs, type Parcels } from "./protocol.ts";

export type HandingOver = {
  /** Resolves with what the main thread says. Until then nothing is acknowledged, however long it takes. */
  readonly accept: Accept;
  readonly answered: (answers: Answers) => void;
};

export type HandingOverOptions = {
  readonly maxInFlight: number;
  readonly network: { readonly maxBytesInFlight: number };
  readonly send: (parcels: Parcels, transfer: readonly ArrayBuffer[]) => void;
};

type Waiting = { readonly bytes: number; readonly resolve: (result: Accepted) => void };
type Outgoing = { readonly admitted: AdmittedBody; readonly msLeft: number };

const joined = (bodies: readonly Buffer[], bytes: readonly number[]): ArrayBuffer => {
  const all = new ArrayBuffer(bytes.reduce((sum, length) => sum + length, 0));
  const into = Buffer.from(all);
  let at = 0;
  for (const body of bodies) at += body.copy(into, at);
  return all;
};

const pack = (first: number, outgoing: readonly Outgoing[]): Parcels => {
  const bodies = outgoing.map(({ admitted }) => admitted.body);
  const bytes = bodies.map(({ length }) => length);
  return {
    kind: "parcels",
    first,
    sources: outgoing.map(({ admitted }) => admitted.source),
    eventIds: bodies.map(eventIdOf),
    msLeft: outgoing.map(({ msLeft }) => msLeft),
    bytes,
    bodies: joined(bodies, bytes),
    sentAt: monotonicMs(),
  };
};

/** The worker's side: gives admitted callbacks to the thread that has the journal. */
export const createHandingOver = ({ maxInFlight, network, send }: HandingOverOptions): HandingOver => {
  const waiting = new Map<number, Waiting>();
  let bytesWaiting = 0;
  let next = 1;
  let outgoing: Outgoing[] = [];

  const flush = (): void => {
    const packed = pack(next - outgoing.length, outgoing);
    outgoing = [];
    send(packed, [packed.bodies]);
  };
  const handOver = (admitted: AdmittedBody, msLeft: number): Promise<Accepted> => {
    const { promise, resolve } = Promise.withResolvers<Accepted>();
    const bytes = admitted.body.length;
    waiting.set(next, { bytes, resolve });
    bytesWaiting += bytes;
    next += 1;
    if (outgoing.length === 0) setImmediate(flush);
    outgoing.push({ admitted, msLeft });
    return promise;
  };

  return {
    accept: (admitted, msLeft) => {
      // Only behind a main thread that does not answer: its own limits are told by its answers.
      if (waiting.size >= maxInFlight) return Promise.resolve(fail("in-flight-limit"));
      if (bytesWaiting + admitted.body.length > network.maxBytesInFlight)
        return Promise.resolve(fail("bytes-in-flight-limit"));
      return handOver(admitted, msLeft);
    },
    answered: ({ numbers, results }) => {
      for (const [index, number] of numbers.entries()) {
        const [one, result] = [waiting.get(number), results[index]];
        if (one === undefined || result === undefined) continue;
        waiting.delete(number);
        bytesWaiting -= one.bytes;
        one.resolve(result);
      }
    },
  };
};

import type { Accept, Accepted } from "../core/acknowledgement.ts";
import { createNumbered } from "../core/numbered.ts";
import { eventIdOf } from "../core/record.ts";
import { fail } from "../core/result.ts";
import type { AdmittedBody } from "../core/signature.ts";
import { type Answers, monotonicMs, type Parcels } from "./protocol.ts";

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
type Outgoing = { readonly number: number; readonly admitted: AdmittedBody; readonly msLeft: number };

const joined = (bodies: readonly Buffer[], bytes: readonly number[]): ArrayBuffer => {
  const all = new ArrayBuffer(bytes.reduce((sum, length) => sum + length, 0));
  const into = Buffer.from(all);
  let at = 0;
  for (const body of bodies) at += body.copy(into, at);
  return all;
};

const pack = (outgoing: readonly Outgoing[]): Parcels => {
  const bodies = outgoing.map(({ admitted }) => admitted.body);
  const bytes = bodies.map(({ length }) => length);
  return {
    kind: "parcels",
    numbers: outgoing.map(({ number }) => number),
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
  const waiting = createNumbered<Waiting>();
  let bytesWaiting = 0;
  let outgoing: Outgoing[] = [];

  const flush = (): void => {
    const packed = pack(outgoing);
    outgoing = [];
    send(packed, [packed.bodies]);
  };
  const handOver = (admitted: AdmittedBody, msLeft: number): Promise<Accepted> => {
    const { promise, resolve } = Promise.withResolvers<Accepted>();
    const bytes = admitted.body.length;
    bytesWaiting += bytes;
    if (outgoing.length === 0) setImmediate(flush);
    outgoing.push({ number: waiting.add({ bytes, resolve }), admitted, msLeft });
    return promise;
  };

  return {
    accept: (admitted, msLeft) => {
      // Only behind a main thread that does not answer: its own limits are told by its answers.
      if (waiting.count() >= maxInFlight) return Promise.resolve(fail("in-flight-limit"));
      if (bytesWaiting + admitted.body.length > network.maxBytesInFlight)
        return Promise.resolve(fail("bytes-in-flight-limit"));
      return handOver(admitted, msLeft);
    },
    answered: ({ numbers, results }) => {
      for (const [index, number] of numbers.entries()) {
        const [one, result] = [waiting.at(number), results[index]];
        if (one === null || result === undefined) continue;
        waiting.remove(number);
        bytesWaiting -= one.bytes;
        one.resolve(result);
      }
    },
  };
};

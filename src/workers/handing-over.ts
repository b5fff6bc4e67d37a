import type { Accept, Acknowledgement } from "../core/acknowledgement.ts";
import { fail, type Refusal, type Result } from "../core/result.ts";
import type { AdmittedBody } from "../core/signature.ts";
import { type Answer, monotonicMs, type Parcel, type Parcels } from "./protocol.ts";

export type HandingOver = {
  /** Resolves with what the main thread says. Until then nothing is acknowledged, however long it takes. */
  readonly accept: Accept;
  readonly answered: (answers: readonly Answer[]) => void;
};

export type HandingOverOptions = {
  readonly maxInFlight: number;
  readonly network: { readonly maxBytesInFlight: number };
  readonly send: (parcels: Parcels, transfer: readonly ArrayBuffer[]) => void;
};

type Waiting = {
  readonly bytes: number;
  readonly resolve: (result: Result<Acknowledgement, Refusal>) => void;
};

const pack = (parcels: readonly Parcel[], bodies: readonly Buffer[]): Parcels => {
  const bytes = parcels.reduce((sum, parcel) => sum + parcel.bytes, 0);
  const all = new ArrayBuffer(bytes);
  const into = Buffer.from(all);
  let at = 0;
  for (const body of bodies) at += body.copy(into, at);
  return { kind: "parcels", parcels, bodies: all, sentAt: monotonicMs() };
};

/** The worker's side: gives admitted callbacks to the thread that has the journal. */
export const createHandingOver = ({ maxInFlight, network, send }: HandingOverOptions): HandingOver => {
  const waiting = new Map<number, Waiting>();
  let bytesWaiting = 0;
  let numbers = 0;
  let parcels: Parcel[] = [];
  let bodies: Buffer[] = [];

  const flush = (): void => {
    const packed = pack(parcels, bodies);
    [parcels, bodies] = [[], []];
    send(packed, [packed.bodies]);
  };
  const handOver = ({ body, source }: AdmittedBody, msLeft: number) => {
    const { promise, resolve } = Promise.withResolvers<Result<Acknowledgement, Refusal>>();
    const bytes = body.length;
    numbers += 1;
    waiting.set(numbers, { bytes, resolve });
    bytesWaiting += bytes;
    if (parcels.length === 0) setImmediate(flush);
    parcels.push({ number: numbers, source, msLeft, bytes });
    bodies.push(body);
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
    answered: (answers) => {
      for (const { number, result } of answers) {
        const one = waiting.get(number);
        if (one === undefined) continue;
        waiting.delete(number);
        bytesWaiting -= one.bytes;
        one.resolve(result);
      }
    },
  };
};

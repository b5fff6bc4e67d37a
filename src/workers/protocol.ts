import type { ReceivingSettings } from "../callback-port.ts";
import type { Accepted } from "../core/acknowledgement.ts";
import type { Config } from "../config.ts";
import type { Figures } from "../metrics.ts";

/** What a worker is started with. */
export type WorkerData = {
  /** From 1. */
  readonly worker: number;
  readonly settings: ReceivingSettings;
  /** The one that all share. */
  readonly port: number;
};

/**
 * Admitted callbacks on their way to the main thread: those of one turn of the worker's event loop, since a message costs more
 * than what is in it. One value in each list for each callback.
 */
export type Parcels = {
  readonly kind: "parcels";
  /** Each is one callback's until its answer, which comes once. */
  readonly numbers: readonly number[];
  readonly sources: readonly (string | null)[];
  readonly eventIds: readonly string[];
  readonly msLeft: readonly number[];
  readonly bytes: readonly number[];
  /** All bodies, one behind the other; the receiver's from now on. */
  readonly bodies: ArrayBuffer;
  /** Milliseconds of `monotonicMs`. */
  readonly sentAt: number;
};

/** In both lists one value for each answer. */
export type Answers = {
  readonly kind: "answers";
  readonly numbers: readonly number[];
  readonly results: readonly Accepted[];
};

export type FromWorker =
  | { readonly kind: "listening" }
  | Parcels
  /** To `ask`; and to `close` as its last words. */
  | { readonly kind: "figures" | "closed"; readonly figures: Figures };

export type ToWorker =
  | Answers
  | { readonly kind: "renew"; readonly settings: ReceivingSettings; readonly changed: readonly string[] }
  | { readonly kind: "ask" }
  | { readonly kind: "close" };

/** The same in all threads, and never set back: `performance.now()` begins anew in each. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * The settings of one of `workers`: what is counted where it arrives is divided. What only admitted callbacks use up is
 * counted by the main thread, for all together.
 */
export const shareOf = (config: Config): ReceivingSettings => {
  const { journal: _journal, kafka: _kafka, registry: _registry, ...settings } = config;
  const { network, workers } = config;
  return {
    ...settings,
    network: {
      ...network,
      maxBytesInFlight: Math.ceil(network.maxBytesInFlight / workers),
      maxConnections: Math.ceil(network.maxConnections / workers),
      maxConnectionsPerAddress: Math.ceil(network.maxConnectionsPerAddress / workers),
      rateLimit: 0,
    },
  };
};

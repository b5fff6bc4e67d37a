import type { Acknowledgement } from "../core/acknowledgement.ts";
import type { Config } from "../config.ts";
import type { Refusal, Result } from "../core/result.ts";
import type { Figures } from "../metrics.ts";

/** What a worker needs to know of the settings: nothing of the journal, of Kafka or of the registry. */
export type WorkerSettings = Omit<Config, "journal" | "kafka" | "registry">;

/** What a worker is started with. */
export type WorkerData = {
  /** From 1. */
  readonly worker: number;
  readonly settings: WorkerSettings;
  /** The one that all share. */
  readonly port: number;
};

/** An admitted callback on its way to the main thread. */
export type Parcel = {
  /** Of its worker, for the answer. */
  readonly number: number;
  readonly source: string | null;
  readonly msLeft: number;
  readonly bytes: number;
};

/** Those of one turn of the worker's event loop: a message costs more than what is in it. */
export type Parcels = {
  readonly kind: "parcels";
  readonly parcels: readonly Parcel[];
  /** All bodies, one behind the other; it is the receiver's from now on. */
  readonly bodies: ArrayBuffer;
  /** Milliseconds of `monotonicMs`. */
  readonly sentAt: number;
};

export type Answer = { readonly number: number; readonly result: Result<Acknowledgement, Refusal> };

export type FromWorker =
  | { readonly kind: "listening" }
  | Parcels
  /** To `ask`; after `close` unasked, once more, as the worker's last words. */
  | { readonly kind: "figures"; readonly figures: Figures };

export type ToWorker =
  | { readonly kind: "answers"; readonly answers: readonly Answer[] }
  | { readonly kind: "renew"; readonly settings: WorkerSettings; readonly changed: readonly string[] }
  | { readonly kind: "ask" }
  | { readonly kind: "close" };

/** The same in all threads, and never set back: `performance.now()` begins anew in each. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * The settings of one of `workers`: what is counted where it arrives is divided. What only admitted callbacks use up is
 * counted by the main thread, for all together.
 */
export const shareOf = (config: Config): WorkerSettings => {
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

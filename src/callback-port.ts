import type { Config } from "./config.ts";
import type { Accept } from "./core/acknowledgement.ts";
import type { Admission } from "./core/signature.ts";
import { type IngressOptions, openIngress } from "./io/ingress/ingress.ts";
import type { Figures } from "./metrics.ts";
import type { Telemetry } from "./telemetry.ts";

/** Where callbacks come in, whichever threads they come in by. */
export type CallbackPort = {
  readonly port: number;
  /** What of the settings has changed holds from the next request, or the next connection, on. */
  readonly renew: (next: Config, changed: readonly string[]) => void;
  /** Threads that do not answer, in words. */
  readonly obstacles: () => Promise<readonly string[]>;
  /** What other threads have counted. */
  readonly figures: () => Promise<readonly Figures[]>;
  /** Refuses what is new with 503, answers what is in flight and stops listening. */
  readonly close: () => Promise<void>;
};

export type Receiving = {
  readonly admit: Admission;
  readonly accept: Accept;
  readonly telemetry: Telemetry;
};

/** What receiving needs to know: nothing of the journal, of Kafka or of the registry. */
export type ReceivingSettings = Omit<Config, "journal" | "kafka" | "registry">;

export const ingressOptions = (settings: ReceivingSettings, receiving: Receiving): IngressOptions => ({
  ...settings,
  ...receiving,
  path: settings.callbackPath,
  tokenInPath: settings.auth.includes("token"),
  asksForPassword: settings.auth.includes("basic"),
  deadlineMs: settings.replyDeadlineMs,
  clock: Date.now,
});

/** In this thread. */
export const openPort = async (config: Config, receiving: Receiving): Promise<CallbackPort> => {
  const ingress = await openIngress(ingressOptions(config, receiving));
  return {
    port: ingress.port,
    renew: ({ network: { tls } }, changed) => {
      if (tls !== null && changed.includes("certificates")) ingress.renewCertificates(tls);
    },
    obstacles: () => Promise.resolve([]),
    figures: () => Promise.resolve([]),
    close: ingress.close,
  };
};

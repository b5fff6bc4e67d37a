import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Config, Loaded } from "./config.ts";
import { type Admission, createAdmission } from "./core/signature.ts";
import type { Result } from "./core/result.ts";
import type { Telemetry } from "./telemetry.ts";

/** What of the settings can change while the bridge runs: everything that comes from a file. */
export type Source = { readonly files: readonly string[]; readonly load: () => Loaded };

export type LiveSettings = {
  readonly admit: Admission;
  /** Read by each new connection. */
  readonly kafka: Config["kafka"];
  readonly registry: Config["registry"] & { readonly mode: Config["schemas"] };
  /** Puts the new values in the place of the old; names what differs. */
  readonly renew: (next: Config) => readonly string[];
};

const admissionPart = ({ network: _n, kafka: _k, registry: _r, journal: _j, ...rest }: Config) => rest;
const parts = {
  admission: admissionPart,
  certificates: ({ network }: Config) => network.tls,
  kafka: ({ kafka }: Config) => kafka,
  registry: ({ registry }: Config) => registry,
};

/** Names of the parts that differ. */
export const differences = (before: Config, after: Config): readonly string[] =>
  Object.entries(parts).flatMap(([name, part]) =>
    JSON.stringify(part(before)) === JSON.stringify(part(after)) ? [] : [name],
  );

export const createLiveSettings = (first: Config): LiveSettings => {
  let config = first;
  let admit = createAdmission(config);
  return {
    admit: (presented, now) => admit(presented, now),
    kafka: {
      ...first.kafka,
      get tls() {
        return config.kafka.tls;
      },
      get sasl() {
        return config.kafka.sasl;
      },
    },
    registry: {
      ...first.registry,
      mode: first.schemas,
      get auth() {
        return config.registry.auth;
      },
      get ca() {
        return config.registry.ca;
      },
    },
    renew: (next) => {
      const changed = differences(config, next);
      if (changed.includes("admission")) admit = createAdmission(next);
      config = next;
      return changed;
    },
  };
};

/** By content: Kubernetes swaps links, and others write in place. What cannot be read differs from all that can. */
const fingerprintOf = async (files: readonly string[]): Promise<string> => {
  const texts = await Promise.all(
    files.map((file) => readFile(file, "base64").catch((error: unknown) => `!${String(error)}`)),
  );
  return createHash("sha256").update(texts.join("\n")).digest("hex");
};

export type RenewalOptions = {
  readonly source: Source;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  readonly everyMs: number;
  /** Names what has changed. */
  readonly apply: (next: Config) => Result<readonly string[]>;
  readonly telemetry: Pick<Telemetry, "secretsRenewed" | "secretsRefused">;
};

export type Renewal = {
  /** Reads the files now. */
  readonly renew: () => Promise<void>;
};

/**
 * Looks at the files again and again. A change is taken when two looks in a row find the same: whoever writes several
 * files, or a long one, has then ended. A bad value is told once, and the old one stays until the next change.
 */
export const startRenewal = (options: RenewalOptions): Renewal => {
  const { source, signal, everyMs, apply, telemetry } = options;
  /** Of the files as they were last taken or refused; null before the first look. */
  let known: string | null = null;
  let seen: string | null = null;

  const take = (found: string, tell: boolean): void => {
    known = found;
    const loaded = source.load();
    if (!loaded.ok) return telemetry.secretsRefused(loaded.problems);
    const applied = apply(loaded.config);
    if (!applied.ok) telemetry.secretsRefused([applied.detail]);
    else if (tell || applied.value.length > 0) telemetry.secretsRenewed(applied.value);
  };
  const look = async (): Promise<void> => {
    const found = await fingerprintOf(source.files);
    if (signal.aborted) return;
    // The first look is compared with what the start has read.
    if (found !== known && found === seen) take(found, known !== null);
    seen = found;
  };
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      await look();
      // Rejects only by the signal, which is what ends the loop.
      await delay(everyMs, undefined, { signal }).catch(() => undefined);
    }
  };
  if (source.files.length > 0) void watch();
  return { renew: async () => take(await fingerprintOf(source.files), true) };
};

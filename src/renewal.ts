import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Config, Loaded } from "./config.ts";
import { type Admission, createAdmission } from "./core/signature.ts";
import type { Result } from "./core/result.ts";
import type { Telemetry } from "./telemetry.ts";

/** What of the settings can change while the bridge runs: everything that comes from a file. */
export type Source = {
  readonly files: readonly string[];
  readonly load: () => Loaded;
  /** Of the start, which has told them. */
  readonly warnings: readonly string[];
};

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
  "journal key (used after a restart)": ({ journal }: Config) => journal.keys,
};

/** Names of the parts that differ. */
const differences = (before: Config, after: Config): readonly string[] =>
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

const createTaking = ({ source, signal, apply, telemetry }: RenewalOptions) => {
  /** Of the files as they are in use; null before the first look, and while they cannot be used. */
  let taken: string | null = null;
  /** What was told of files that cannot be used; null when they can. */
  let refused: string | null = null;
  let { warnings } = source;

  const refuse = (found: string, problems: readonly string[], tell: boolean): void => {
    const fault = JSON.stringify([found, problems]);
    if (tell || fault !== refused) telemetry.secretsRefused(problems);
    [taken, refused] = [null, fault];
  };
  return {
    isTaken: (found: string): boolean => found === taken,
    /** What was found; with `tell` the outcome is told even where nothing has changed. */
    take: async (found: string, tell: boolean): Promise<void> => {
      const loaded = source.load();
      // Written in between: the next looks take it.
      if ((await fingerprintOf(source.files)) !== found || signal.aborted) return;
      if (!loaded.ok) return refuse(found, loaded.problems, tell);
      const applied = apply(loaded.config);
      if (!applied.ok) return refuse(found, [applied.detail], tell);
      const news = loaded.warnings.filter((warning) => !warnings.includes(warning));
      if (tell || refused !== null || applied.value.length > 0) telemetry.secretsRenewed(applied.value, news);
      [taken, refused, warnings] = [found, null, loaded.warnings];
    },
  };
};

/** Milliseconds between two looks when it is told to look at once. */
const settleMs = 100;

/**
 * Looks at the files again and again. A change is taken when two looks in a row find the same: whoever writes several
 * files, or a long one, has then ended. What cannot be taken is told once, and tried until it can; the old values stay.
 */
export const startRenewal = (options: RenewalOptions): Renewal => {
  const { files } = options.source;
  const { signal, everyMs } = options;
  const { isTaken, take } = createTaking(options);
  // Rejects only by the signal, which is what ends the loops.
  const wait = (ms: number): Promise<void> => delay(ms, undefined, { signal }).catch(() => undefined);
  const watch = async (): Promise<void> => {
    let before: string | null = null;
    while (!signal.aborted) {
      const found = await fingerprintOf(files);
      // The first ones are compared with what the start has read.
      if (found === before && !isTaken(found)) await take(found, false);
      before = found;
      await wait(everyMs);
    }
  };
  const renew = async (): Promise<void> => {
    let before: string | null = null;
    let found = await fingerprintOf(files);
    while (found !== before && !signal.aborted) {
      await wait(settleMs);
      before = found;
      found = await fingerprintOf(files);
    }
    await take(found, true);
  };
  if (files.length > 0) void watch();
  return { renew };
};

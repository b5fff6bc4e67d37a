/** True when one more callback of this source is within the limit. `now` in milliseconds that never jump back. */
export type RateLimit = (source: string | null, now: number) => boolean;

/** Seconds of the rate that may come at once: one envelope causes several callbacks together. */
const burstSeconds = 10;

/** One bucket per source, so that none can use up what is another's. Sources are names from the settings: few. */
export const createRateLimit = (perSecond: number): RateLimit => {
  const full = perSecond * burstSeconds;
  const buckets = new Map<string | null, { tokens: number; at: number }>();
  return (source, now) => {
    const bucket = buckets.get(source) ?? { tokens: full, at: now };
    buckets.set(source, bucket);
    bucket.tokens = Math.min(full, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  };
};

export type Limits = {
  /** Admitted callbacks that may wait for their answer at once. */
  readonly maxInFlight: number;
  /** Callbacks per second and source; 0: no limit. */
  readonly network: { readonly rateLimit: number };
};

/** Which limit one more admitted callback would pass; null: none. */
export const createLimits = ({ maxInFlight, network: { rateLimit } }: Limits) => {
  const isWithinRate = rateLimit === 0 ? null : createRateLimit(rateLimit);
  return (
    source: string | null,
    inFlight: number,
    now: number,
  ): "rate-limited" | "in-flight-limit" | null => {
    if (isWithinRate?.(source, now) === false) return "rate-limited";
    return inFlight >= maxInFlight ? "in-flight-limit" : null;
  };
};

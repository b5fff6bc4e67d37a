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

const firstMs = 100;
const maxMs = 10_000;

/** Milliseconds to wait before try `attempt + 1`: doubled each time, capped at 10 s, half of it by chance (0 <= random < 1). */
export const backOffMs = (attempt: number, random: number): number =>
  Math.min(maxMs, firstMs * 2 ** attempt) * (0.5 + random / 2);

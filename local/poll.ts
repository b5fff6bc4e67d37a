import { setTimeout as pause } from "node:timers/promises";

export interface Attempts {
  /** Resolves when what is waited for has happened, rejects when it has not yet. */
  readonly attempt: () => Promise<void>;
  readonly withinMs: number;
  /** Resolves with the reason when waiting has become pointless. */
  readonly pointless: Promise<string>;
}

/** Undefined when an attempt has succeeded, else why none did. */
export async function poll(attempts: Attempts): Promise<Error | undefined> {
  const deadline = Date.now() + attempts.withinMs;
  const pointless = attempts.pointless.then((reason) => ({ reason }));
  while (Date.now() < deadline) {
    const failed = await attempts.attempt().then(
      () => undefined,
      (cause: unknown) => ({ cause }),
    );
    if (failed === undefined) return undefined;
    const over = await Promise.race([pointless, pause(50)]);
    if (over !== undefined) return new Error(over.reason, failed);
  }
  return new Error(`was not ready within ${attempts.withinMs / 1000} s`);
}

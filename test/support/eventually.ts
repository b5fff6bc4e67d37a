import { setTimeout as pause } from "node:timers/promises";

/** Repeats the check until it neither throws nor gives false; past the deadline, fails with what it threw last. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { withinMs = 60_000 }: { readonly withinMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      const result = await check();
      if (result !== false) return result;
      throw new Error("the check gave false");
    } catch (cause) {
      if (performance.now() > deadline)
        throw new Error(`Not within ${withinMs} ms: ${String(cause)}`, { cause });
    }
    await pause(20);
  }
}

import { mock, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

/** Milliseconds that are not mocked: some pauses of the journal are none of the timers that can be. */
const longest = 10_000;
const patience = 60;

export const mockTimers = (t: TestContext): void => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  t.after(() => mock.timers.reset());
};

/** All that needs no timer. */
export const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 20; turns += 1) await turn();
};

/** With mocked timers: lets time pass until it is done. What takes long is an error, or `onPatienceLost` does something about it. */
export const drive = async <T>(promise: Promise<T>, onPatienceLost?: () => void): Promise<T> => {
  const state = { pending: true };
  const done = promise.finally(() => {
    state.pending = false;
  });
  const deadline = performance.now() + longest;
  for (let turns = 0; state.pending; turns += 1) {
    if (turns === patience) onPatienceLost?.();
    if (performance.now() > deadline) throw new Error("it hangs");
    mock.timers.tick(20);
    await turn();
  }
  return done;
};

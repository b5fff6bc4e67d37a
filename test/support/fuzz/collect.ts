// Loaded into a bridge that runs under NODE_OPTIONS="--expose-gc --import=…": at SIGUSR2 it collects its garbage and says
// what is left.

process.on("SIGUSR2", () => {
  globalThis.gc?.();
  globalThis.gc?.();
  process.stdout.write(`${JSON.stringify({ memory: process.memoryUsage() })}\n`);
});

import { startStack, type Stack } from "./stack.ts";

// `npm run stack`: a Kafka and a schema registry until Ctrl-C. Settings go to stdout, progress to stderr.

const { promise: ended, resolve: end } = Promise.withResolvers<"ended">();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => end("ended"));

function introduction({ brokers, registryUrl, started }: Stack): string {
  return `export KAFKA_BROKERS=${brokers} SCHEMA_REGISTRY_URL=${registryUrl}

# In another shell, with the line above, the bridge without authentication and with its journal in memory:
#   AUTH=none JOURNAL_DIR=none npm start
# ${started ? "Ctrl-C ends Kafka and the registry; what they hold is gone then." : "These were set already, so nothing was started."}
`;
}

async function keepStack(): Promise<void> {
  await using stack = await startStack();
  process.stdout.write(introduction(stack));
  if (stack.started) await ended;
}

try {
  await Promise.race([keepStack(), ended]);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

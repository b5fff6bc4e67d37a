import { startStack, type Stack } from "../../local/stack.ts";

// For `node --test --test-global-setup`: one Kafka and one registry for all test files, which run as processes of
// their own and get the addresses through the environment.

let stack: Stack | undefined;

export async function globalSetup(): Promise<void> {
  const begun = Date.now();
  stack = await startStack();
  process.env["TEST_KAFKA_BROKERS"] = stack.brokers;
  process.env["TEST_SCHEMA_REGISTRY_URL"] = stack.registryUrl;
  const how = stack.started ? `ready after ${((Date.now() - begun) / 1000).toFixed(1)} s` : "taken as given";
  process.stderr.write(`Kafka at ${stack.brokers}, registry at ${stack.registryUrl}: ${how}\n`);
}

export async function globalTeardown(): Promise<void> {
  await stack?.[Symbol.asyncDispose]();
}

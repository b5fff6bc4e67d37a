import { randomBytes } from "node:crypto";

export interface SharedStack {
  readonly brokers: string[];
  readonly registryUrl: string;
}

/** The Kafka and the registry that all test files share. */
export function sharedStack(): SharedStack {
  const { TEST_KAFKA_BROKERS: brokers, TEST_SCHEMA_REGISTRY_URL: registryUrl } = process.env;
  if (!brokers || !registryUrl) {
    throw new Error("No Kafka and no registry: test/support/servers.ts starts them, so run npm test");
  }
  return { brokers: brokers.split(","), registryUrl };
}

/** A topic prefix that no other test has: the servers are shared. */
export function freshPrefix(): string {
  return `test-${randomBytes(6).toString("hex")}.`;
}

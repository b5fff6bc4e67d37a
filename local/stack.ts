import { startKafka } from "./kafka.ts";
import { startRegistry } from "./registry.ts";
import { thisMachine, type Surroundings } from "./surroundings.ts";

export interface Stack extends AsyncDisposable {
  readonly brokers: string;
  readonly registryUrl: string;
  /** False when it was there already and is not ours to end. */
  readonly started: boolean;
}

/** One broker and a registry; or those that KAFKA_BROKERS and SCHEMA_REGISTRY_URL name, when both are set. */
export async function startStack(around: Surroundings = thisMachine()): Promise<Stack> {
  const { KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl } = around.env;
  if (brokers && registryUrl) {
    return { brokers, registryUrl, started: false, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  return startBoth(around);
}

async function startBoth(around: Surroundings): Promise<Stack> {
  await using parts = new AsyncDisposableStack();
  // Settled, not all: when one fails, the other must be there to be disposed of.
  const [kafka, registry] = await Promise.allSettled([
    // Nobody kills it: a machine that is held up must not have it taken for dead.
    startKafka({ properties: { "broker.session.timeout.ms": "30000" } }, around).then((part) =>
      parts.use(part),
    ),
    startRegistry({}, around).then((part) => parts.use(part)),
  ]);
  if (kafka.status === "rejected") throw kafka.reason;
  if (registry.status === "rejected") throw registry.reason;
  const kept = parts.move();
  return {
    brokers: kafka.value.bootstrap,
    registryUrl: registry.value.url,
    started: true,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

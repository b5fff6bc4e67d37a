import type { TestContext } from "node:test";
import { eventually } from "./eventually.ts";
import { type BridgeProcess, startBridgeProcess } from "./process.ts";
import { hmacSettings } from "./sender.ts";
import { freshPrefix, sharedStack } from "./stack.ts";

/** A bridge that checks signatures, in front of the shared servers, with topics of its own and its journal in memory. */
export const sharedSettings = () => {
  const { brokers, registryUrl } = sharedStack();
  return {
    ...hmacSettings,
    JOURNAL_DIR: "none",
    KAFKA_BROKERS: brokers.join(","),
    SCHEMA_REGISTRY_URL: registryUrl,
    TOPIC_PREFIX: freshPrefix(),
  };
};

export const untilReady = (bridge: BridgeProcess): Promise<boolean> =>
  eventually(async () => (await bridge.ready()).status === 200, { withinMs: 30_000 });

/** Ended with the test, however that ends. */
export const openBridgeProcess = async (
  t: TestContext,
  env: Record<string, string>,
): Promise<BridgeProcess> => {
  const bridge = await startBridgeProcess(env);
  t.after(() => bridge.end("SIGKILL"));
  return bridge;
};

import { freshPrefix, sharedStack } from "./stack.ts";

const two = (directory: string) => ({
  AUTH: "none",
  JOURNAL_DIR: directory,
  TOPIC_PREFIX: freshPrefix(),
  WORKERS: "2",
});

/** Two workers, in front of the shared servers. */
export const twoWorkers = (directory: string) => {
  const { brokers, registryUrl } = sharedStack();
  return { ...two(directory), KAFKA_BROKERS: brokers.join(","), SCHEMA_REGISTRY_URL: registryUrl };
};

/** Two workers and no server behind: a disk journal answers without Kafka. */
export const twoAlone = (directory: string) => ({
  ...two(directory),
  ACK_AFTER: "stored",
  KAFKA_BROKERS: "127.0.0.1:9",
  SCHEMA_REGISTRY_URL: "http://127.0.0.1:9",
});

/** For `NODE_OPTIONS`: runs in each thread before anything else. */
export const preload = (code: string): string => `--import=data:text/javascript,${encodeURIComponent(code)}`;

/** As above, for the thread of which `where` is true, as soon as there is a file `go`: not before the bridge listens. */
export const preloadFor = (
  where: "isMainThread" | "threadId === 1",
  { go, code }: { readonly go: string; readonly code: string },
): string =>
  preload(`import { isMainThread, threadId } from "node:worker_threads";
    import { existsSync } from "node:fs";
    if (${where}) {
      const waiting = setInterval(() => {
        if (!existsSync(${JSON.stringify(go)})) return;
        clearInterval(waiting);
        ${code}
      }, 20);
      waiting.unref();
    }`);

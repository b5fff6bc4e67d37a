import { Kafka, logLevel } from "kafkajs";

/** Which brokers the cluster has, as one of them sees it. Rejects while that one does not answer. */
export async function brokersSeenBy(address: string): Promise<number[]> {
  const kafka = new Kafka({
    clientId: "local-stack",
    brokers: [address],
    connectionTimeout: 1_000,
    requestTimeout: 2_000,
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers, controller } = await admin.describeCluster();
    if (controller === null) throw new Error("no controller is elected yet");
    return brokers.map(({ nodeId }) => nodeId);
  } finally {
    await admin.disconnect();
  }
}

import { recordsIn } from "./records.ts";

/** The `ce_id` of every record in the topic, as often as it stands there, in the order of each partition. */
export const idsInTopic = async (brokers: readonly string[], topic: string): Promise<readonly string[]> =>
  (await recordsIn(brokers, [topic])).map(({ headers }) => headers["ce_id"] ?? "");

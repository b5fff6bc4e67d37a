/** The value of a metric without labels on the bridge's admin port; undefined when it is not there. */
export const metricOf = async (adminPort: number, name: string): Promise<number | undefined> => {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`, {
    signal: AbortSignal.timeout(10_000),
  });
  const value = new RegExp(`^${name} (\\S+)$`, "m").exec(await answer.text())?.[1];
  return value === undefined ? undefined : Number(value);
};

/** Callbacks that are kept and not yet in Kafka. */
export const pendingOf = async (adminPort: number): Promise<number> => {
  const pending = await metricOf(adminPort, "esign_bridge_journal_pending_records");
  if (pending === undefined) throw new Error("the bridge does not say how many callbacks are pending");
  return pending;
};

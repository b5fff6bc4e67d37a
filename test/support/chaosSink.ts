import { fail } from "../../src/core/result.ts";
import type { KafkaRecord, Sink, SinkFailure, SinkOutcome } from "../../src/core/sink.ts";

/** Every failure that a sink can report: a new code without a line here does not compile. */
export const codes = Object.keys({
  "broker-unavailable": 0,
  "broker-timeout": 0,
  "leader-unavailable": 0,
  "replicas-insufficient": 0,
  "record-not-sent": 0,
  "credentials-refused": 0,
  "tls-failed": 0,
  "topic-missing": 0,
  "topic-unauthorized": 0,
  "topic-policy": 0,
  "record-too-large": 0,
  "record-invalid": 0,
} satisfies Record<SinkFailure, 0>);

const isSinkFailure = (code: string | undefined): code is SinkFailure =>
  code !== undefined && codes.includes(code);

export type ChaosSink = Sink & {
  /** How often each code was reported. */
  readonly refusals: ReadonlyMap<SinkFailure, number>;
};

type Scope = "call" | "topic" | "key";

/** As a broker does: whatever fails, fails together with all of its key, so that order within a key can be kept. */
const groupOf: Readonly<Record<Scope, (record: KafkaRecord) => string>> = {
  call: () => "",
  topic: ({ topic }) => topic,
  key: ({ topic, key }) => `${topic} ${key}`,
};
const scopes: readonly Scope[] = ["call", "topic", "key"];

/**
 * Refuses a share of what is sent: of whole calls, of the topics in a call, or of the keys in it. One refusal in five is a
 * lie: the records have arrived all the same.
 */
export const createChaosSink = (inner: Sink, share: number, random: () => number): ChaosSink => {
  const refusals = new Map<SinkFailure, number>();
  const pick = <T>(values: readonly T[]): T | undefined => values[Math.floor(random() * values.length)];

  const refusalOf = (): { code: SinkFailure; arrives: boolean } | null => {
    const code = random() < share ? pick(codes) : undefined;
    if (!isSinkFailure(code)) return null;
    refusals.set(code, (refusals.get(code) ?? 0) + 1);
    return { code, arrives: random() < 0.2 };
  };

  return {
    refusals,
    send: async (records) => {
      const toGroup = groupOf[pick(scopes) ?? "call"];
      const groups = new Set(records.map(toGroup));
      const refused = new Map([...groups].map((group) => [group, refusalOf()] as const));
      const arriving = records.filter((record) => refused.get(toGroup(record))?.arrives ?? true);
      const outcomes = [...(await inner.send(arriving))];
      return records.map((record): SinkOutcome => {
        const refusal = refused.get(toGroup(record)) ?? null;
        const outcome = (refusal?.arrives ?? true) ? outcomes.shift() : undefined;
        if (refusal !== null) return fail(refusal.code, "chaos");
        return outcome ?? fail("record-not-sent", "the sink gave no outcome");
      });
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
};

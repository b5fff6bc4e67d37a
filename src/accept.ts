import type { Entry, Journal, Settlement } from "./core/journal.ts";
import { eventIdOf } from "./core/record.ts";
import { fail, ok, type Refusal, type Result } from "./core/result.ts";
import type { AdmittedBody } from "./core/signature.ts";

/** What makes the acknowledgement of a callback safe, and the event, as far as it is known by then. */
export type Acknowledgement = {
  readonly after: "published" | "stored" | "duplicate";
  readonly event: string;
};
/** Keeps an admitted callback and resolves, before the deadline, when the sender may be answered. */
export type Accept = (admitted: AdmittedBody) => Promise<Result<Acknowledgement, Refusal>>;

export type AcceptOptions = {
  readonly journal: Journal;
  readonly ackAfter: "published" | "stored";
  /** Milliseconds from the call to the answer. */
  readonly deadlineMs: number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

/** The part of the deadline that Kafka has to itself, before the disk is asked for a sync. */
const kafkaShare = 0.6;

/** Null when the time is up first. */
const within = <T>(ms: number, awaited: Promise<T>): Promise<T | null> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(null), ms);
    awaited.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });

const published = ({ event, repeat }: Settlement): Result<Acknowledgement, Refusal> =>
  ok({ after: repeat === true ? "duplicate" : "published", event });

const storedFirst = async (journal: Journal, entry: Entry): Promise<Result<Acknowledgement, Refusal>> => {
  const stored = await journal.stored(entry);
  return stored.ok ? ok({ after: "stored", event: "unread" }) : stored;
};

const tooLate = fail("deadline-passed", "neither Kafka nor the disk had it in time");

/**
 * The reply rule. `published`: Kafka has it; if Kafka is slow, the disk has it, synced; in memory there is no such second
 * way. `stored`: the disk has it. Anything else is a refusal, and the sender's next try has the same id.
 */
export const createAccept = ({ journal, ackAfter, deadlineMs, clock }: AcceptOptions): Accept => {
  const afterKafka = async (entry: Entry): Promise<Result<Acknowledgement, Refusal>> => {
    const kafkaMs = journal.durable ? deadlineMs * kafkaShare : deadlineMs;
    const settlement = await within(kafkaMs, entry.settled);
    if (settlement !== null) return published(settlement);
    if (!journal.durable) return tooLate;
    const either = Promise.race([entry.settled.then(published), storedFirst(journal, entry)]);
    return (await within(deadlineMs - kafkaMs, either)) ?? tooLate;
  };

  return async ({ body, source }) => {
    const arrival = { eventId: eventIdOf(body), receivedAt: clock(), source, body, deadLetter: null };
    const kept = journal.append(arrival);
    if (!kept.ok) return kept;
    if (ackAfter === "published") return afterKafka(kept.value);
    return (await within(deadlineMs, storedFirst(journal, kept.value))) ?? tooLate;
  };
};

import type { Accept, Accepted, Acknowledgement } from "./core/acknowledgement.ts";
import type { Entry, Journal, Settlement } from "./core/journal.ts";
import { createMemo } from "./core/memo.ts";
import { eventIdOf } from "./core/record.ts";
import { fail, type Failure, ok, type Refusal } from "./core/result.ts";
import { within } from "./within.ts";

export type AcceptOptions = {
  readonly journal: Journal;
  readonly ackAfter: "published" | "stored";
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

/** The part of the time that Kafka has to itself, before the disk is asked for a sync. */
const kafkaShare = 0.6;

/** One object for all that end alike, of which there are as many as events: a message between threads holds each once. */
const createEnds = (after: Acknowledgement["after"]) =>
  createMemo((event: string): Accepted => ok({ after, event }));
const [first, duplicate] = [createEnds("published"), createEnds("duplicate")];

const published = ({ event, repeat }: Settlement): Accepted =>
  repeat === true ? duplicate(event) : first(event);

const unread: Accepted = ok({ after: "stored", event: "unread" });

const tooLate = fail("deadline-passed", "neither Kafka nor the disk had it in time");

/**
 * The reply rule. `published`: Kafka has it; if Kafka is slow, the disk has it, synced; in memory there is no such second
 * way. `stored`: the disk has it. Anything else is a refusal, and the sender's next try has the same id.
 */
export const createAccept = ({ journal, ackAfter, clock }: AcceptOptions): Accept => {
  /** Whichever has it first. A disk that fails leaves the word to Kafka, as long as there is time. */
  const eitherHasIt = async (entry: Entry, ms: number): Promise<Accepted> => {
    let refusal: Failure<Refusal> = tooLate;
    const inKafka = entry.settled.then(published);
    const onDisk = journal.stored(entry).then((stored) => {
      if (stored.ok) return unread;
      refusal = stored;
      return inKafka;
    });
    return (await within(ms, Promise.race([inKafka, onDisk]))) ?? refusal;
  };

  const afterKafka = (entry: Entry, msLeft: number): Promise<Accepted> => {
    const kafkaMs = journal.durable ? Math.trunc(msLeft * kafkaShare) : msLeft;
    return within(kafkaMs, entry.settled).then((settlement) => {
      if (settlement !== null) return published(settlement);
      return journal.durable ? eitherHasIt(entry, msLeft - kafkaMs) : tooLate;
    });
  };

  const afterDisk = (entry: Entry, msLeft: number): Promise<Accepted> =>
    within(msLeft, journal.stored(entry)).then((stored) => {
      if (stored === null) return tooLate;
      return stored.ok ? unread : stored;
    });

  return ({ body, source, eventId = eventIdOf(body) }, msLeft) => {
    const arrival = { eventId, receivedAt: clock(), source, body, deadLetter: null };
    const kept = journal.append(arrival);
    if (!kept.ok) return Promise.resolve(kept);
    return ackAfter === "published" ? afterKafka(kept.value, msLeft) : afterDisk(kept.value, msLeft);
  };
};

import type { BatchLimit, Entry, Journal } from "../core/journal.ts";
import type { RecordEncoder } from "../core/record.ts";
import type { Repeats } from "../core/repeats.ts";
import type { Sink } from "../core/sink.ts";
import type { Telemetry } from "../telemetry.ts";
import type { Item, Left } from "./delivery.ts";

export type RelayOptions = {
  readonly journal: Journal;
  readonly sink: Sink;
  /** For parked topics: a connection of their own, since a topic that is gone poisons the one it is sent through. */
  readonly laneSink: Sink;
  /** Where the records of a parked topic wait: the same journal for the same topic, null while it cannot be opened. */
  readonly openLaneJournal: (topic: string) => Promise<Journal | null>;
  /** Topics that were parked when the bridge last ended. */
  readonly parkedTopics?: readonly string[];
  readonly encode: RecordEncoder;
  readonly repeats: Repeats;
  readonly topicPrefix: string;
  readonly telemetry: Pick<
    Telemetry,
    | "recordPublished"
    | "deadLetterPublished"
    | "deadLetterRefused"
    | "publishRetried"
    | "callbackRepeated"
    | "laneParked"
    | "laneOpened"
  >;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Waits for about a millisecond. */
  readonly linger: () => Promise<void>;
  /** Waits before try `attempt + 1`; ends at once when the signal is aborted. */
  readonly pause: (attempt: number, signal: AbortSignal) => Promise<void>;
};

/** The records of one topic that cannot be written for now, and the run that tries them. */
export type Lane = {
  /** Its topic, or `refusedLane`. */
  readonly name: string;
  /** Null while it cannot be opened: nothing is added then, and nothing of the topic is sent. */
  journal: Journal | null;
  /** True while what may be the last of it is sent: nothing is added, or a busy topic would never leave its lane. */
  closing: boolean;
};

/** What the stream and the lanes share. */
export type RelayContext = RelayOptions & {
  readonly stopping: AbortSignal;
  /** By name: those that are parked. */
  readonly lanes: Map<string, Lane>;
  readonly laneRuns: Set<Promise<void>>;
};

/**
 * Journal entries that are read at once. What one call can carry is cut from them: see `chunks.ts`. More of them would
 * outlive the young generation of the garbage collector, and a draining backlog fill the old one.
 */
export const batchLimit: BatchLimit = { entries: 500, bytes: 900_000 };

/** Waits where the registry has not given a schema id; null when the relay stops meanwhile. */
const awaitItem = async (context: RelayContext, entry: Entry): Promise<Item | null> => {
  for (let attempt = 0; !context.stopping.aborted; attempt += 1) {
    const encoded = context.encode(entry.arrival);
    if (encoded.ok) return { ...encoded.value, entry };
    context.telemetry.publishRetried(encoded.code, 1, encoded.detail);
    await context.pause(attempt, context.stopping);
  }
  return null;
};

/** Fewer than the entries only when the relay stops. */
export const toItems = async (context: RelayContext, entries: readonly Entry[]): Promise<readonly Item[]> => {
  const items: Item[] = [];
  for (const entry of entries) {
    const encoded = context.encode(entry.arrival);
    const item = encoded.ok ? { ...encoded.value, entry } : await awaitItem(context, entry);
    if (item === null) break;
    items.push(item);
  }
  return items;
};

/** For another try: the registry may have given the topic another schema id meanwhile. */
export const encodedAnew = (context: RelayContext, items: readonly Item[]): readonly Item[] =>
  items.map((item) => {
    // What was given up stays a dead letter, and holds no schema id.
    const encoded = item.letter === null ? context.encode(item.entry.arrival) : null;
    return encoded?.ok === true ? { ...encoded.value, entry: item.entry } : item;
  });

/** A byte-identical repeat of what happens once is the sender's retry: it ends as the first one does, and is not sent. */
export const withoutRepeats = (
  { repeats, telemetry }: RelayContext,
  items: readonly Item[],
): readonly Item[] =>
  items.filter(({ entry, event, once }) => {
    if (!once) return true;
    const first = repeats.firstOf(entry.arrival.eventId, event);
    if (first === undefined) repeats.begin(entry);
    else {
      telemetry.callbackRepeated(event);
      void first.then(entry.settle);
    }
    return first === undefined;
  });

/** Kafka has the record: whoever waits for it hears of it. */
export const settle = (context: RelayContext, { entry, event, record, letter, once }: Item): void => {
  const { telemetry, clock, repeats } = context;
  const { eventId, receivedAt } = entry.arrival;
  telemetry.recordPublished(record.topic, event, (clock() - receivedAt) / 1000);
  if (letter !== null) telemetry.deadLetterPublished(letter.reason, eventId, letter.detail);
  repeats.settled(eventId, receivedAt, once);
  entry.settle({ event });
};

export const reportRetries = ({ telemetry }: RelayContext, left: readonly Left[]): void => {
  for (const [code, ofCode] of Map.groupBy(left, ({ failure }) => failure.code)) {
    telemetry.publishRetried(code, ofCode.length, ofCode[0]?.failure.detail ?? "");
  }
};

import { createRecordEncoder, eventIdOf, type RecordEncoder } from "../../src/core/record.ts";
import type { Arrival, Journal } from "../../src/core/journal.ts";
import { createRepeats } from "../../src/core/repeats.ts";
import type { Sink } from "../../src/core/sink.ts";
import { openMemoryJournal } from "../../src/io/memory-journal.ts";
import { type Relay, type RelayOptions, startRelay } from "../../src/relay/relay.ts";
import { schemaTypes } from "./fixtures.ts";
import { mustAppend } from "./journals.ts";

export const prefix = "esign.";
export const deadLetters = `${prefix}dead-letter`;

const actions = {
  started: "ENVELOPE_START",
  finished: "ENVELOPE_FINISH",
  cancelled: "ENVELOPE_CANCEL",
  "delivery-failed": "ENVELOPE_DELIVERY_FAILED",
} as const;
export type Kind = keyof typeof actions;

export const topicOf = (kind: Kind): string => `${prefix}envelope.${kind}`;

/** A callback about an envelope; `serial` tells it from others, and is found again in the record's id alone. */
export const bodyOf = (kind: Kind, envelopeId: string, serial: number): Buffer =>
  Buffer.from(JSON.stringify({ event: actions[kind], eventPayload: { envelopeId, serial } }));

export const toArrival = (body: Buffer): Arrival => ({
  eventId: eventIdOf(body),
  receivedAt: Date.now(),
  source: null,
  body,
  deadLetter: null,
});

export const keep = (journal: Journal, body: Buffer) => mustAppend(journal, toArrival(body));

export const encoder = (schemaIdOf: (topic: string) => number | undefined = () => 1): RecordEncoder =>
  createRecordEncoder({ topicPrefix: prefix, sensitive: "mask", types: schemaTypes, schemaIdOf });

export const memoryJournal = (): Journal => openMemoryJournal({ maxBytes: 256 * 1024 * 1024 });

/** What the relay told, a line each. */
export type Heard = { readonly lines: string[] };

const listener = (lines: string[]): RelayOptions["telemetry"] => ({
  recordPublished: () => {},
  deadLetterPublished: (reason) => void lines.push(`dead letter ${reason}`),
  deadLetterRefused: (reason) => void lines.push(`refused ${reason}`),
  publishRetried: () => {},
  callbackRepeated: (event) => void lines.push(`repeat ${event}`),
  laneParked: (topic) => void lines.push(`parked ${topic}`),
  laneOpened: (topic) => void lines.push(`opened ${topic}`),
});

/** Lets the event loop turn, so that a relay which retries for ever starves nobody. */
const shortPause: RelayOptions["pause"] = () => new Promise((resolve) => setTimeout(resolve, 1));

export type TestRelay = Heard & {
  readonly relay: Relay;
  readonly lanes: ReadonlyMap<string, Journal>;
  /** Time is up at once. */
  readonly stop: () => Promise<void>;
};

/** A relay whose lanes are in memory unless told otherwise, and which hardly pauses. */
export const beginRelay = (
  given: { readonly journal: Journal; readonly sink: Sink } & Partial<RelayOptions>,
): TestRelay => {
  const lines: string[] = [];
  const lanes = new Map<string, Journal>();
  const relay = startRelay({
    laneSink: given.sink,
    openLaneJournal: (topic) => {
      const lane = lanes.get(topic) ?? memoryJournal();
      lanes.set(topic, lane);
      return Promise.resolve(lane);
    },
    encode: encoder(),
    repeats: createRepeats({ windowMs: 3_600_000, clock: Date.now }),
    topicPrefix: prefix,
    telemetry: listener(lines),
    clock: Date.now,
    pause: shortPause,
    linger: () => Promise.resolve(),
    ...given,
  });
  const stop = () => {
    given.journal.close();
    return relay.drain(AbortSignal.abort());
  };
  return { relay, lanes, lines, stop };
};

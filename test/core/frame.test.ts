import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  findFrame,
  frameBytesAtMost,
  isSettled,
  openFrame,
  readArrival,
  readStamp,
  settledFrameBytes,
  writeFrame,
} from "../../src/core/frame.ts";
import type { Arrival } from "../../src/core/journal.ts";

const marker = Buffer.from([0xff, 0xc0, 0xfe, 0xc1]);

/** Bodies that look like what they lie in: markers, and whole frames of another segment. */
const hostile = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      fc.constant(marker),
      fc.nat(3).map((index) => written([arrivalOf(Buffer.from("inner"))], { salt: 7, from: index }).bytes),
    ),
    { maxLength: 5 },
  )
  .map((parts) => Buffer.concat(parts));

const arrivalOf = (body: Buffer): Arrival => ({
  eventId: "0123456789abcdef0123456789abcdef",
  receivedAt: 1_700_000_000_000,
  source: "app",
  body,
  deadLetter: null,
});

const arrival: fc.Arbitrary<Arrival> = fc.record(
  {
    eventId: fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((bytes) => Buffer.from(bytes).toString("hex")),
    receivedAt: fc.maxSafeNat(),
    source: fc.option(fc.string({ unit: "grapheme", maxLength: 20 })),
    body: hostile,
    deadLetter: fc.option(
      fc.record(
        {
          reason: fc.constantFrom("not-json" as const, "record-too-large" as const),
          detail: fc.string({ unit: "grapheme", maxLength: 30 }),
          topic: fc.string({ maxLength: 20 }),
        },
        { noNullPrototype: true },
      ),
    ),
  },
  { noNullPrototype: true },
);

type Place = { readonly at: number; readonly end: number };

const written = (arrivals: readonly Arrival[], { salt, from }: { salt: number; from: number }) => {
  const into = Buffer.alloc(arrivals.reduce((sum, one) => sum + frameBytesAtMost(one), 0));
  const places: Place[] = [];
  for (const [i, one] of arrivals.entries()) {
    const at = places.at(-1)?.end ?? 0;
    places.push({
      at,
      end: writeFrame(into, at, { arrival: one, isSettled: false, index: from + i, salt, cipher: null }),
    });
  }
  return { bytes: into.subarray(0, places.at(-1)?.end ?? 0), places };
};

type Found = { readonly index: number; readonly arrival: Arrival };

const scan = (bytes: Buffer, salt: number): Found[] => {
  const found: Found[] = [];
  for (let at = 0, index = 0; ;) {
    const step = findFrame({ bytes, fileBytes: bytes.length, salt, index, expectedAt: at }, at);
    if (step.kind !== "frame") return found;
    const read = readArrival(bytes.subarray(step.payloadAt, step.end));
    assert.ok(read !== null);
    found.push({ index: step.index, arrival: read });
    at = step.end;
    index = step.index + 1;
  }
};

const salted = fc.nat(0xffffffff).filter((salt) => salt !== 7);
const several = fc.array(arrival, { minLength: 1, maxLength: 5 });
const numbered = (arrivals: readonly Arrival[]): Found[] =>
  arrivals.map((one, index) => ({ index, arrival: one }));

test("P1: frames are read as they were written, whatever their bodies hold", () => {
  fc.assert(
    fc.property(several, salted, (arrivals, salt) => {
      const { bytes } = written(arrivals, { salt, from: 0 });
      assert.deepEqual(scan(bytes, salt), numbered(arrivals));
      for (const { arrival: one } of scan(bytes, salt)) {
        const single = written([one], { salt, from: 0 }).bytes;
        const { eventId, receivedAt } = one;
        assert.deepEqual(readStamp(single.subarray(16)), { eventId, receivedAt });
      }
    }),
  );
});

test("P1: frames cut at any byte give every whole one and nothing else", () => {
  fc.assert(
    fc.property(several, salted, (arrivals, salt) => {
      const { bytes, places } = written(arrivals, { salt, from: 0 });
      for (let end = 0; end <= bytes.length; end += 1) {
        const whole = numbered(arrivals).filter((_, i) => (places[i]?.end ?? Infinity) <= end);
        assert.deepEqual(scan(bytes.subarray(0, end), salt), whole);
      }
    }),
    { numRuns: 50 },
  );
});

test("P1: any bit flipped takes its own frame and no other, and never makes a wrong one", () => {
  fc.assert(
    fc.property(several, salted, fc.nat(7), (arrivals, salt, bit) => {
      const { bytes, places } = written(arrivals, { salt, from: 0 });
      for (let at = 0; at < bytes.length; at += 1) {
        const flipped = Buffer.from(bytes);
        flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << bit), at);
        const unhurt = numbered(arrivals).filter((_, i) => {
          const place = places[i];
          return place !== undefined && (at < place.at || at >= place.end);
        });
        assert.deepEqual(scan(flipped, salt), unhurt);
      }
    }),
    { numRuns: 50 },
  );
});

test("P1: noise never passes for a frame, and frames of another segment do not either", () => {
  fc.assert(
    fc.property(hostile, several, salted, (noise, arrivals, salt) => {
      const stale = written(arrivals, { salt: (salt ^ 1) >>> 0, from: 0 }).bytes;
      assert.deepEqual(scan(Buffer.concat([noise, stale]), salt), []);
    }),
  );
});

test("P1, P5: of what Kafka has, a frame holds id and time and nothing else", () => {
  fc.assert(
    fc.property(arrival, salted, (one, salt) => {
      const into = Buffer.alloc(settledFrameBytes);
      const end = writeFrame(into, 0, { arrival: one, isSettled: true, index: 0, salt, cipher: null });
      const step = findFrame({ bytes: into, fileBytes: end, salt, index: 0, expectedAt: 0 }, 0);
      assert.ok(step.kind === "frame" && step.end === end);
      const payload = into.subarray(step.payloadAt, step.end);
      const { eventId, receivedAt } = one;
      assert.ok(isSettled(payload));
      assert.deepEqual(openFrame(null, { payload, index: 0 }), {
        stamp: { eventId, receivedAt },
        arrival: null,
      });
      assert.equal(isSettled(written([one], { salt, from: 0 }).bytes.subarray(16)), false);
    }),
  );
});

test("P3: a dead letter whose reason only another version knows is read as a new callback", () => {
  const letter = { reason: "not-json" as const, detail: "d", topic: "t" };
  const { bytes } = written([{ ...arrivalOf(Buffer.from("body")), deadLetter: letter }], {
    salt: 1,
    from: 0,
  });
  const payload = bytes.subarray(16);
  payload.write("not-jsoz", payload.indexOf("not-json"), "latin1");
  assert.deepEqual(readArrival(payload), arrivalOf(Buffer.from("body")));
});

test("a payload of another kind, or one too short for its texts, is no arrival", () => {
  const { bytes } = written([arrivalOf(Buffer.from("body"))], { salt: 1, from: 0 });
  const payload = bytes.subarray(16);
  assert.equal(readArrival(payload.subarray(0, 25)), null);
  assert.equal(readArrival(payload.subarray(0, 29)), null);
  for (const at of [0, 1]) {
    const other = Buffer.from(payload);
    other[at] = 9;
    assert.equal(openFrame(null, { payload: other, index: 0 }), null);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import type { Accept, Accepted } from "../../src/core/acknowledgement.ts";
import { eventIdOf } from "../../src/core/record.ts";
import { fail, ok } from "../../src/core/result.ts";
import { type AdmittedBody, createAdmission } from "../../src/core/signature.ts";
import { createHandingOver } from "../../src/workers/handing-over.ts";
import { type Answers, type Parcels, shareOf } from "../../src/workers/protocol.ts";
import { createTakingOver, withLimits } from "../../src/workers/taking-over.ts";
import { accepts, never } from "../support/ingress.ts";
import { loadedFrom } from "../support/settings.ts";

const admit = createAdmission({
  auth: ["token"],
  hmacKeys: [],
  hmacScheme: "tsign",
  hmacMaxAgeMs: 0,
  tokens: [
    { name: "a", secret: "token-a" },
    { name: "b", secret: "token-b" },
  ],
  basicUsers: [],
});

const admitted = (body: Buffer, source: string): AdmittedBody => {
  const result = admit({ headers: {}, query: "", pathToken: `token-${source}`, body }, 0);
  assert.ok(result.ok);
  return result.value;
};

const limits = { maxInFlight: 1000, network: { maxBytesInFlight: 2 ** 30 } };

/** Both sides, and between them what a message port does to messages. */
const connected = (accept: Accept, options: Partial<typeof limits> = {}) => {
  const onItsWay: Parcels[] = [];
  const takeOver = createTakingOver(accept, (answers: Answers) => answered(structuredClone(answers)));
  const { accept: handOver, answered } = createHandingOver({
    ...limits,
    ...options,
    send: (parcels, transfer) => {
      const arrived = structuredClone(parcels, { transfer: [...transfer] });
      onItsWay.push(arrived);
      takeOver(arrived);
    },
  });
  return { handOver, onItsWay };
};

const twoParcels: Parcels = {
  kind: "parcels",
  numbers: [1, 2],
  sources: ["a", "a"],
  eventIds: ["", ""],
  msLeft: [1000, 1000],
  bytes: [0, 0],
  bodies: new ArrayBuffer(0),
  sentAt: 0,
};

const callbacks = fc.array(
  fc.record({ body: fc.uint8Array({ maxLength: 3000 }), source: fc.constantFrom("a", "b") }),
  { minLength: 1, maxLength: 40 },
);

test("P1: each callback arrives as it was admitted, in order, and each caller hears of its own", async () => {
  await fc.assert(
    fc.asyncProperty(callbacks, fc.boolean(), async (sent, backwards) => {
      const taken: AdmittedBody[] = [];
      const answers: (() => void)[] = [];
      const accept: Accept = (one) =>
        new Promise((resolve) => {
          taken.push(one);
          const event = one.eventId ?? "";
          answers.push(() =>
            resolve(one.body.length % 5 === 0 ? fail("journal-full") : ok({ after: "stored", event })),
          );
        });
      const { handOver, onItsWay } = connected(accept);
      const replies = sent.map(({ body, source }) => handOver(admitted(Buffer.from(body), source), 1000));
      await turn();
      assert.equal(onItsWay.length, 1, "one message for one turn");
      assert.deepEqual(
        taken.map(({ body, source, eventId }) => ({ body: new Uint8Array(body), source, eventId })),
        sent.map(({ body, source }) => ({ body, source, eventId: eventIdOf(Buffer.from(body)) })),
      );
      for (const answer of backwards ? answers.toReversed() : answers) answer();
      const heard = await Promise.all(replies);
      for (const [index, { body }] of sent.entries()) {
        const own = heard[index];
        if (body.length % 5 === 0) assert.deepEqual(own, fail("journal-full"));
        else assert.deepEqual(own, ok({ after: "stored", event: eventIdOf(Buffer.from(body)) }));
      }
    }),
    { numRuns: 50 },
  );
});

test("P1: whoever waits long beside others, whose numbers are used again, still hears of its own callback", async () => {
  const batches = fc.array(fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 8 }), {
    minLength: 2,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(batches, async (turns) => {
      const open: (() => void)[] = [];
      const { handOver } = connected(
        ({ eventId = "" }) =>
          new Promise((resolve) => {
            open.push(() => resolve(ok({ after: "published", event: eventId })));
          }),
      );
      const replies: Promise<void>[] = [];
      for (const [at, choices] of turns.entries()) {
        for (const index of choices.keys()) {
          const body = Buffer.from(`${at} ${index}`);
          const heard = handOver(admitted(body, "a"), 1000).then((own) =>
            assert.deepEqual(own, ok({ after: "published", event: eventIdOf(body) })),
          );
          replies.push(heard);
        }
        await turn();
        for (const choice of choices) open.splice(choice, 1)[0]?.();
        await turn();
      }
      for (const answer of open) answer();
      await Promise.all(replies);
    }),
    { numRuns: 50 },
  );
});

test("P1: parcels that do not hold what they say end the process, and are no callbacks", () => {
  const takeOver = createTakingOver(never, () => undefined);
  const bodies = new ArrayBuffer(3);
  assert.throws(() => takeOver({ ...twoParcels, bodies, bytes: [2, 2] }), RangeError);
  assert.throws(() => takeOver({ ...twoParcels, bodies, bytes: [2] }), RangeError);
});

test("P9: MAX_IN_FLIGHT counts what waits at the same time, from all workers, and nothing that was answered", async () => {
  const answers: (() => void)[] = [];
  const accept = withLimits({ maxInFlight: 2, network: { rateLimit: 0 } }, () => {
    const { promise, resolve } = Promise.withResolvers<Accepted>();
    answers.push(() => resolve(ok({ after: "stored", event: "unread" })));
    return promise;
  });
  for (let n = 0; n < 5; n += 1) {
    const both = [
      accept(admitted(Buffer.from("{}"), "a"), 1000),
      accept(admitted(Buffer.from("{}"), "b"), 1000),
    ];
    assert.deepEqual(await accept(admitted(Buffer.from("{}"), "a"), 1000), fail("in-flight-limit"));
    for (const answer of answers.splice(0)) answer();
    for (const one of await Promise.all(both)) assert.ok(one.ok);
  }
});

test("P1: nothing is acknowledged before the main thread says so", async () => {
  const { handOver, onItsWay } = connected(never);
  let heard = false;
  void handOver(admitted(Buffer.from("{}"), "a"), 1000).then(() => (heard = true));
  for (let turns = 0; turns < 20; turns += 1) await turn();
  assert.equal(onItsWay.length, 1);
  assert.equal(heard, false);
});

test("P2: time that a callback spends on its way is no longer there for the main thread", () => {
  const left: number[] = [];
  const takeOver = createTakingOver(
    (_admitted, msLeft) => {
      left.push(msLeft);
      return never(admitted(Buffer.from(""), "a"), 0);
    },
    () => undefined,
  );
  const now = Number(process.hrtime.bigint()) / 1e6;
  takeOver({ ...twoParcels, msLeft: [2000, 100], sentAt: now - 500 });
  const [first = 0, second] = left;
  assert.ok(first <= 1500 && first > 1000, `${first}`);
  assert.equal(second, 0);
});

test(
  "P9: behind a main thread that does not answer a worker holds no more than its limits",
  { timeout: 10_000 },
  async () => {
    const body = Buffer.alloc(100);
    const byNumber = connected(never, { maxInFlight: 3 });
    for (let n = 0; n < 3; n += 1) void byNumber.handOver(admitted(body, "a"), 1000);
    assert.deepEqual(await byNumber.handOver(admitted(body, "a"), 1000), fail("in-flight-limit"));
    const byBytes = connected(never, { network: { maxBytesInFlight: 250 } });
    for (let n = 0; n < 2; n += 1) void byBytes.handOver(admitted(body, "a"), 1000);
    assert.deepEqual(await byBytes.handOver(admitted(body, "a"), 1000), fail("bytes-in-flight-limit"));
  },
);

test("P9: what is answered makes room again", async () => {
  const { handOver } = connected(accepts, { maxInFlight: 1, network: { maxBytesInFlight: 2 } });
  for (let n = 0; n < 5; n += 1)
    assert.ok((await handOver(admitted(Buffer.from("{}"), "a"), 1000)).ok, `callback ${n}`);
});

test("P9: each worker has its part of the limits on what arrives; the main thread counts what was admitted", () => {
  const { config } = loadedFrom({
    WORKERS: "3",
    MAX_CONNECTIONS: "10",
    MAX_CONNECTIONS_PER_ADDRESS: "0",
    MAX_BYTES_IN_FLIGHT: "300 MiB",
    RATE_LIMIT: "5",
  });
  const share = shareOf(config);
  assert.equal(share.network.maxConnections, 4);
  assert.equal(share.network.maxConnectionsPerAddress, 0, "no limit stays none");
  assert.equal(share.network.maxBytesInFlight, 100 * 2 ** 20);
  assert.equal(share.network.rateLimit, 0);
  for (const kept of ["journal", "kafka", "registry"]) assert.ok(!(kept in share), `${kept} stays here`);
  assert.deepEqual(structuredClone(share), share, "all of it can be sent to a thread");
});

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, before, test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../../support/eventually.ts";
import { collectGarbage } from "../../support/garbage.ts";
import type { FaultProxy } from "../../support/faultProxy.ts";
import { openSinkOn, type ProxiedKafka, recordOf, startProxiedKafka } from "../../support/proxiedKafka.ts";
import { assertKept, sendUntil } from "../../support/sinkLoad.ts";

let kafka: ProxiedKafka;
before(async () => {
  kafka = await startProxiedKafka(1);
});
after(() => kafka[Symbol.asyncDispose]());

const callers = 100;

type Fault = {
  readonly strike: (proxy: FaultProxy) => Promise<void> | void;
  /** What a sender may have to wait for the next acknowledgement once all is mended, in ms. */
  readonly backWithinMs: number;
};

const survive = async (t: TestContext, { strike, backWithinMs }: Fault): Promise<void> => {
  const [proxy] = kafka.proxies;
  assert.ok(proxy !== undefined);
  t.after(() => proxy.heal());
  const topic = await kafka.createTopic();
  await using sink = openSinkOn(kafka.bootstrap);
  const over = new AbortController();
  const { acknowledged, ended } = sendUntil(over.signal, { sink, topic, callers });
  await eventually(() => acknowledged.length > callers * 10);
  await strike(proxy);
  proxy.heal();
  const healedAt = performance.now();
  const known = acknowledged.length;
  await eventually(() => acknowledged.length > known + callers * 10, { withinMs: backWithinMs });
  t.diagnostic(`acknowledgements went on ${(performance.now() - healedAt).toFixed(0)} ms after healing`);
  over.abort();
  await ended;
  assertKept(t, acknowledged, { records: await kafka.records(topic), reconnects: sink.reconnects.length });
};

const faults: Readonly<Record<string, Fault>> = {
  "connections cut at random instants": {
    strike: async (proxy) => {
      for (let cut = 0; cut < 40; cut += 1) {
        await pause(randomInt(1, 80));
        proxy.cut();
      }
    },
    backWithinMs: 5000,
  },
  "responses that never come": {
    strike: async (proxy) => {
      proxy.swallowResponses(1);
      await pause(1000);
    },
    backWithinMs: 12_000,
  },
  "half-open connections": {
    strike: async (proxy) => {
      proxy.halfOpen();
      await pause(6000);
      proxy.cut();
    },
    backWithinMs: 12_000,
  },
  "connections refused": {
    strike: async (proxy) => {
      proxy.refuse(true);
      proxy.cut();
      await pause(2000);
    },
    backWithinMs: 12_000,
  },
  "responses 5 ms late": {
    strike: async (proxy) => {
      proxy.delay(5);
      await pause(1000);
    },
    backWithinMs: 5000,
  },
  "a broker that is stopped for 7 s and goes on": {
    strike: async () => {
      const [node] = kafka.nodes;
      node?.signal("SIGSTOP");
      await pause(7000);
      node?.signal("SIGCONT");
    },
    backWithinMs: 15_000,
  },
};

for (const [name, fault] of Object.entries(faults)) {
  test(
    `P1, P6: with ${name}, nothing acknowledged is lost, keys keep their order, and it goes on`,
    { timeout: 60_000 },
    (t) => survive(t, fault),
  );
}

const resources = (): number =>
  process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name)).length;

test(
  "P9: after a hundred lost connections, no socket and no timer is left of them",
  { timeout: 60_000 },
  async () => {
    const [proxy] = kafka.proxies;
    assert.ok(proxy !== undefined);
    const topic = await kafka.createTopic();
    await using sink = openSinkOn(kafka.bootstrap);
    const reconnect = async (times: number): Promise<void> => {
      for (let cut = 0; cut < times; cut += 1) {
        const goal = sink.reconnects.length + 1;
        proxy.cut();
        await eventually(() => sink.reconnects.length >= goal && sink.connected());
        await eventually(async () => (await sink.send([recordOf(topic, "k", `${cut}`)]))[0]?.ok === true);
      }
    };
    assert.ok((await sink.send([recordOf(topic, "k", "first")]))[0]?.ok);
    await reconnect(5);
    const few = resources();
    await reconnect(100);
    await eventually(() => resources() <= few + 2, { withinMs: 10_000 });
  },
);

test("P9: a sink keeps nothing of the calls that have ended", { timeout: 60_000 }, async () => {
  const topic = await kafka.createTopic();
  await using sink = openSinkOn(kafka.bootstrap);
  const ended: WeakRef<object>[] = [];
  for (let call = 0; call < 50; call += 1)
    ended.push(new WeakRef(await sink.send([recordOf(topic, "k", `${call}`)])));
  await eventually(() => {
    collectGarbage();
    return ended.filter((outcomes) => outcomes.deref() !== undefined).length <= 2;
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { openAdmin } from "../../src/io/admin.ts";

test("health, readiness and metrics are told, and nothing else", async (t) => {
  let obstacles: readonly string[] = [];
  const admin = await openAdmin({
    host: "127.0.0.1",
    port: 0,
    obstacles: () => obstacles,
    exposition: () => Promise.resolve("esign_bridge_x 1\n"),
    expositionType: "text/plain; version=0.0.4; charset=utf-8",
  });
  t.after(admin.close);
  const ask = async (path: string, method = "GET") => {
    const answer = await fetch(`http://127.0.0.1:${admin.port}${path}`, { method });
    return { status: answer.status, type: answer.headers.get("content-type"), body: await answer.text() };
  };
  assert.deepEqual([(await ask("/live")).status, (await ask("/live")).body], [200, '{"status":"live"}']);
  assert.deepEqual([(await ask("/ready")).status, (await ask("/ready")).body], [200, '{"status":"ready"}']);
  obstacles = ["closing", "no connection to Kafka"];
  const { status, body } = await ask("/ready");
  assert.equal(status, 503);
  assert.deepEqual(JSON.parse(body), { status: "not ready", obstacles });
  assert.equal((await ask("/live")).status, 200);
  assert.deepEqual(await ask("/metrics"), {
    status: 200,
    type: "text/plain; version=0.0.4; charset=utf-8",
    body: "esign_bridge_x 1\n",
  });
  for (const path of ["/", "/callback", "/metrics/x"]) assert.equal((await ask(path)).status, 404, path);
  assert.equal((await ask("/ready", "POST")).status, 404);
});

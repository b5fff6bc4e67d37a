import assert from "node:assert/strict";
import { test } from "node:test";
import type { IngressOptions } from "../../src/io/ingress/ingress.ts";
import { eventually } from "../support/eventually.ts";
import { collectGarbage } from "../support/garbage.ts";
import { accepts, answersIn, openRaw, openTestIngress, postOf } from "../support/ingress.ts";

test("P9: a connection that is kept holds nothing of the request that was answered on it", async (t) => {
  const bodies: WeakRef<Buffer>[] = [];
  const accept: IngressOptions["accept"] = (admitted, msLeft) => {
    bodies.push(new WeakRef(admitted.body));
    return accepts(admitted, msLeft);
  };
  const { port } = await openTestIngress(t, { accept });
  const { send, received } = openRaw(t, port);
  send(postOf("{}"));
  await eventually(() => assert.deepEqual(answersIn(received()), [200]));
  await eventually(() => {
    collectGarbage();
    assert.deepEqual(
      bodies.map((body) => body.deref()),
      [undefined],
    );
  });
});

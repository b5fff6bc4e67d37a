import assert from "node:assert/strict";
import type { AddressInfo, Server } from "node:net";
import type { TestContext } from "node:test";

/** On a free port until the test ends. Gives `host:port`. */
export const listen = async (
  t: TestContext,
  server: Server & { closeAllConnections(): void },
): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return `127.0.0.1:${(address satisfies AddressInfo).port}`;
};

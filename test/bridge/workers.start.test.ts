import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { newDirectory } from "../support/directories.ts";
import { openBridgeProcess, sharedSettings } from "../support/openBridge.ts";
import { runBridgeProcess, textOf } from "../support/process.ts";
import { preload, preloadFor, twoAlone } from "../support/workers.ts";

test("P8: a fault in a worker ends the process with its line, as one of the main thread does", async (t) => {
  const directory = await newDirectory(t);
  const go = join(await newDirectory(t), "go");
  const code = `throw new Error("a fault of a test");`;
  const env = { ...twoAlone(directory), NODE_OPTIONS: preloadFor("threadId === 1", { go, code }) };
  const bridge = await openBridgeProcess(t, env);
  await writeFile(go, "");
  assert.equal(await bridge.exited, 1);
  const fatal = bridge.lines.filter(({ level }) => level === 60);
  assert.equal(fatal.length, 1, textOf(bridge));
  assert.match(textOf(bridge), /a fault of a test.*ended by a fault/);
});

test("two bridges with workers do not share a port, and the second says why it does not start", async (t) => {
  const bridge = await openBridgeProcess(t, twoAlone(await newDirectory(t)));
  const second = await runBridgeProcess({ ...twoAlone(await newDirectory(t)), PORT: String(bridge.port) });
  assert.equal(second.code, 1);
  const fatal = second.lines.filter(({ level }) => level === 60);
  assert.equal(fatal.length, 1, textOf(second));
  assert.match(String(fatal[0]?.["msg"]), /^does not start: .*EADDRINUSE.* Set another HOST or PORT/);
});

test("where the system does not let threads share a port the start ends with one clear line", async (t) => {
  const code = `import { isMainThread } from "node:worker_threads";
    import { Server } from "node:net";
    if (!isMainThread) Server.prototype.listen = function () {
      const error = Object.assign(new Error("listen ENOTSUP"), { code: "ENOTSUP", syscall: "listen" });
      process.nextTick(() => this.emit("error", error));
      return this;
    };`;
  const ended = await runBridgeProcess({ ...twoAlone(await newDirectory(t)), NODE_OPTIONS: preload(code) });
  assert.equal(ended.code, 1);
  const fatal = ended.lines.filter(({ level }) => level === 60);
  assert.deepEqual(
    fatal.map(({ msg }) => msg),
    ["does not start: WORKERS above 1 needs a system that lets threads share a port, as Linux does"],
    textOf(ended),
  );
});

for (const value of ["0", "65", "two", "1.5"]) {
  test(`WORKERS=${value} ends the start with one clear line`, async () => {
    const ended = await runBridgeProcess({ ...sharedSettings(), WORKERS: value });
    assert.equal(ended.code, 1);
    assert.equal(ended.errors.length, 2, textOf(ended));
    assert.match(ended.errors[1] ?? "", /^ {2}WORKERS .*whole number from 1 to 64/);
  });
}

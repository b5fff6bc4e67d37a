import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";

// Who attacks has a process of its own: what it costs itself must not count as the bridge's.

type Attack = (port: number, tell: () => void) => void;

/** All the time this many connections, none of which ever ends its head or its body. */
const slowConnections = 2000;
const slowloris: Attack = (port, tell) => {
  const sockets = new Set<Socket>();
  let told = false;
  const open = (number: number): void => {
    const socket = connect(port, "127.0.0.1");
    const length = number % 2 === 0 ? "" : "Content-Length: 1000\r\n\r\n";
    socket.on("connect", () => {
      sockets.add(socket);
      socket.write(`POST /callback HTTP/1.1\r\nHost: bridge\r\n${length}`);
      if (told || sockets.size < slowConnections) return;
      told = true;
      tell();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      setTimeout(open, 10, number);
    });
    socket.resume();
  };
  for (let number = 0; number < slowConnections; number += 1) open(number);
  // A letter for each, one after another, so that no second has more of them than the next.
  let turn = 0;
  setInterval(() => {
    turn += 1;
    let number = 0;
    for (const socket of sockets) if ((number += 1) % 20 === turn % 20) socket.write("x");
  }, 50);
};

const body = Buffer.alloc(1024, "x");
const forged = Buffer.concat([
  Buffer.from(
    `POST /callback HTTP/1.1\r\nHost: bridge\r\nContent-Length: ${body.length}\r\nx-tsign-open-timestamp: 1700000000000\r\nx-tsign-open-signature: ${"0123".repeat(16)}\r\n\r\n`,
  ),
  body,
]);
const batch = Buffer.concat(Array.from({ length: 32 }, () => forged));

/** Pours on these many connections, as fast as the other side takes it. */
const pour =
  (begins: readonly (readonly [head: string, block: Buffer])[]): Attack =>
  (port, tell) => {
    const open = (number: number): void => {
      const [head, block] = begins[number % begins.length] ?? ["", batch];
      const socket = connect(port, "127.0.0.1");
      const go = (): void => {
        while (socket.write(block)) if (socket.destroyed) return;
      };
      socket
        .on("connect", () => void socket.write(head))
        .on("connect", go)
        .on("drain", go);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => open(number));
      socket.once("data", tell);
      socket.resume();
    };
    for (let number = 0; number < 16; number += 1) open(number);
  };

/** Wrong signatures. */
const flood = pour([["", batch]]);

const blockOf = (text: string): Buffer => Buffer.from(text.repeat(Math.ceil(65_536 / text.length)));
const chunked = "Transfer-Encoding: chunked\r\n\r\n";
/** What costs the most for its bytes: the smallest requests, and chunks of a letter. */
const crumbs = pour([
  ["", blockOf("GET / HTTP/1.1\r\n\r\n")],
  ["", blockOf("POST / HTTP/1.1\r\nContent-Encoding: x\r\nContent-Length: 0\r\n\r\n")],
  [`POST /callback HTTP/1.1\r\n${chunked}`, blockOf("1\r\nx\r\n")],
  [`POST / HTTP/1.1\r\nContent-Encoding: x\r\n${chunked}`, blockOf("1\r\nx\r\n")],
]);

const attacks = { slowloris, flood, crumbs };

/** Resolves when the attack is under way; it ends with the test. */
export const startAttack = async (
  t: TestContext,
  kind: keyof typeof attacks,
  port: number,
): Promise<{ readonly end: () => Promise<void> }> => {
  const child = fork(import.meta.filename, [kind, String(port)], { execArgv: [], stdio: "ignore" });
  const exited = once(child, "exit");
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  t.after(end);
  await once(child, "message");
  return { end };
};

if (process.argv[1] === import.meta.filename) {
  const [, , kind, port] = process.argv;
  const attack = Object.entries(attacks).find(([name]) => name === kind)?.[1];
  attack?.(Number(port), () => process.send?.("under way"));
  // The test that began it may be killed.
  process.on("disconnect", () => process.exit());
}

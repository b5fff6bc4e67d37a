import { Agent, request } from "node:http";
import { idOf, signed } from "./sender.ts";

export type Reply = { readonly id: string; readonly status: number; readonly ms: number };

export type LoadOptions = {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** The body of the n-th request: each is another. */
  readonly bodyOf: (n: number) => Buffer;
};

const send = (agent: Agent, port: number, body: Buffer): Promise<Reply> => {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const startedAt = performance.now();
  const options = {
    agent,
    host: "127.0.0.1",
    port,
    path: "/callback",
    method: "POST",
    headers: signed(body),
  };
  request(options, (answer) => {
    answer.resume();
    answer.once("end", () =>
      resolve({ id: idOf(body), status: answer.statusCode ?? 0, ms: performance.now() - startedAt }),
    );
  })
    .once("error", reject)
    .end(body);
  return promise;
};

/** Sends at a steady rate, whether answers come or not: as eSignGlobal does, which does not wait for us. */
export const sendOpenLoop = async ({
  port,
  perSecond,
  seconds,
  bodyOf,
}: LoadOptions): Promise<readonly Reply[]> => {
  const agent = new Agent({ keepAlive: true });
  const replies: Promise<Reply>[] = [];
  const startedAt = performance.now();
  const total = perSecond * seconds;
  const { promise: allSent, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    const due = Math.min(total, ((performance.now() - startedAt) / 1000) * perSecond);
    while (replies.length < due) replies.push(send(agent, port, bodyOf(replies.length)));
    if (replies.length >= total) resolve();
  }, 5);
  await allSent;
  clearInterval(timer);
  const all = await Promise.all(replies);
  agent.destroy();
  return all;
};

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

/** `request` is that of `node:http`, or that of `node:https` with an agent of the same kind. */
export type Way = { readonly request: typeof request; readonly agent: Agent; readonly port: number };

/** Posts a signed callback on a connection of the agent. Gives the status. */
export const postBy = ({ request: send, agent, port }: Way, body: Buffer): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const options = {
    agent,
    host: "127.0.0.1",
    port,
    path: "/callback",
    method: "POST",
    headers: signed(body),
  };
  send(options, (answer) => {
    answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
  })
    .once("error", reject)
    .end(body);
  return promise;
};

const send = async (agent: Agent, port: number, body: Buffer): Promise<Reply> => {
  const startedAt = performance.now();
  const status = await postBy({ request, agent, port }, body);
  return { id: idOf(body), status, ms: performance.now() - startedAt };
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

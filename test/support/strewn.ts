import { request } from "node:http";

/**
 * Posts over a connection of its own, so that no two callbacks need come to the same worker. Resolves with the status;
 * 0 when the bridge hangs up instead.
 */
export const postStrewn = (
  port: number,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> =>
  new Promise((resolve) => {
    const options = { agent: false, host: "127.0.0.1", port, path: "/callback", method: "POST", headers };
    request(options, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer.statusCode ?? 0));
    })
      .once("error", () => resolve(0))
      .end(body);
  });

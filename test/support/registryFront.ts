import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

/** `pass` gives the real registry's answers. */
export type RegistryMood = "pass" | "hang" | "error" | "garbage" | "gone";

/** Stands in front of a real registry and answers as one that is out of order. */
export interface RegistryFront extends AsyncDisposable {
  readonly url: string;
  mood: RegistryMood;
  /** Requests so far. */
  readonly requests: () => number;
}

const forward = async (target: URL, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { method = "GET", url = "/" } = request;
  const body = await text(request);
  const headers = { "content-type": request.headers["content-type"] ?? "application/json" };
  const sent = body === "" ? { method, headers } : { method, headers, body };
  const answer = await fetch(new URL(url, target), sent);
  response
    .writeHead(answer.status, { "content-type": "application/json" })
    .end(Buffer.from(await answer.arrayBuffer()));
};

export const openRegistryFront = async (registryUrl: string): Promise<RegistryFront> => {
  const target = new URL(registryUrl);
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    switch (front.mood) {
      case "pass":
        return void forward(target, request, response);
      case "error":
        return void response.writeHead(500).end('{"error_code":50001,"message":"out of order"}');
      case "garbage":
        return void response.writeHead(200).end("<html>a proxy's login page</html>");
      case "gone":
        return void request.destroy();
      case "hang":
        return undefined;
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const front: RegistryFront = {
    url: `http://127.0.0.1:${port}${target.pathname}`,
    mood: "pass",
    requests: () => requests,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return front;
};

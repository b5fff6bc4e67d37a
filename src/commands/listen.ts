import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { join } from "node:path";
import type { Listening } from "./capture-arguments.ts";
import type { Output } from "./output.ts";
import { countText } from "./text.ts";

/** The bridge's own default. */
const bodyLimitBytes = 1024 * 1024;

type Taken = { readonly head: string; readonly body: Buffer };

/** As it came over the network: names in their own spelling, each header in its place. */
const headOf = ({ method, url, httpVersion, rawHeaders }: IncomingMessage): string => {
  const lines = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []));
  return [`${method} ${url} HTTP/${httpVersion}`, ...lines, ""].join("\r\n");
};

/** Null when it is too long. */
const bodyOf = async (request: IncomingMessage): Promise<Buffer | null> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > bodyLimitBytes) return null;
  }
  return Buffer.concat(chunks);
};

/** Null for what is no delivery, such as the checks of a load balancer. */
const take = async (request: IncomingMessage): Promise<Taken | null> => {
  if (request.method !== "POST") return null;
  const body = await bodyOf(request);
  return body === null ? null : { head: headOf(request), body };
};

/** The first POST, when its answer is out: not taken, so that the sender tries again, and the bridge has the address by then. */
const firstDelivery = (server: Server): Promise<Taken> =>
  new Promise((resolve) => {
    server.on("request", (request, response) => {
      response.setHeader("connection", "close");
      take(request).then(
        (taken) => {
          if (taken !== null) response.once("close", () => resolve(taken));
          response.writeHead(taken === null ? 405 : 503, { allow: "POST", "retry-after": "10" }).end();
        },
        // The sender hung up, and the next one is waited for.
        () => response.destroy(),
      );
    });
  });

const store = async (directory: string, { head, body }: Taken): Promise<readonly [string, string]> => {
  const [headers, content] = [join(directory, "headers"), join(directory, "body")];
  await writeFile(headers, head, { flag: "wx", mode: 0o600, encoding: "latin1" });
  await writeFile(content, body, { flag: "wx", mode: 0o600 });
  return [headers, content];
};

/** Takes one delivery into files, for `capture try`. Returns the exit code. */
export const listen = async ({ host, port, directory }: Listening, out: Output): Promise<number> => {
  const server = createServer({ requestTimeout: 5000, connectionsCheckingInterval: 200 });
  const delivery = firstDelivery(server);
  try {
    server.listen(port, host);
    await once(server, "listening");
    // A new folder: nothing that was taken before is overwritten.
    await mkdir(directory, { mode: 0o700 });
    await out.line(`waiting for one POST on ${host}:${port}`);
    const taken = await delivery;
    const [headers, body] = await store(directory, taken);
    await out.line(
      `took ${countText(taken.body.length, "byte")}; now: capture try --headers ${headers} --body ${body} --secret-file KEY`,
    );
    return 0;
  } finally {
    server.close();
    server.closeAllConnections();
  }
};

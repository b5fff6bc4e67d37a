import type { IncomingMessage } from "node:http";

/**
 * A chunk of one byte costs as much as some hundred bytes that come together, and ten thousand of them fit into what is
 * read at once. Writers of JSON send a few hundred small ones.
 */
const mostChunks = (bytes: number): number => 1000 + bytes / 64;

/** Ends the connection when the body, refused or not, comes in more chunks than that; `refuse` may still answer. */
export const limitChunks = (raw: IncomingMessage, refuse: () => void): void => {
  if (raw.headers["transfer-encoding"] === undefined) return;
  let chunks = 0;
  let bytes = 0;
  raw.on("data", (chunk: Buffer) => {
    chunks += 1;
    bytes += chunk.length;
    if (chunks <= mostChunks(bytes) || raw.destroyed) return;
    refuse();
    // Not when the answer is taken: until then as much again would be read.
    raw.destroy();
  });
  // From here on each chunk comes as it is found, and not when all that was read is taken apart.
  raw.read(0);
};

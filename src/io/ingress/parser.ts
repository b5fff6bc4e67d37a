import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/**
 * Node takes apart all that was read at once, whatever has become of the connection: thousands of requests, with an error
 * for each when it closes. Its parser can be told that the next head begins another protocol, and then leaves the rest
 * alone. This is not documented: where it is gone, such requests cost what they did before, and a test tells.
 */
export const stopParsing = (socket: Socket): void => {
  const parser: unknown = Reflect.get(socket, "parser");
  if (typeof parser !== "object" || parser === null) return;
  Reflect.set(parser, "onIncoming", (request: IncomingMessage) => {
    // Else Node would look for someone who speaks that protocol.
    Reflect.set(request, "upgrade", false);
    return 2;
  });
};

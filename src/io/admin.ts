import { fastify } from "fastify";

export type AdminOptions = {
  readonly host: string;
  readonly port: number;
  /** Threads that are stuck, in words: only a restart helps. This thread shows by answering that it is not. */
  readonly stuck?: () => Promise<readonly string[]>;
  /** What keeps the bridge from accepting a callback safely now; empty when nothing does. */
  readonly obstacles: () => readonly string[] | Promise<readonly string[]>;
  readonly exposition: () => Promise<string>;
  readonly expositionType: string;
};

export type Admin = { readonly port: number; readonly close: () => Promise<void> };

/** Health and metrics, apart from the port that the world can reach. Rejects when the address cannot be had. */
export const openAdmin = async (options: AdminOptions): Promise<Admin> => {
  const app = fastify({ forceCloseConnections: true });
  app.get("/live", async (_request, reply) => {
    const obstacles = (await options.stuck?.()) ?? [];
    if (obstacles.length === 0) return { status: "live" };
    return reply.code(503).send({ status: "not live", obstacles });
  });
  app.get("/ready", async (_request, reply) => {
    const obstacles = await options.obstacles();
    if (obstacles.length === 0) return { status: "ready" };
    return reply.code(503).send({ status: "not ready", obstacles });
  });
  app.get("/metrics", async (_request, reply) =>
    reply.header("content-type", options.expositionType).send(await options.exposition()),
  );
  await app.listen({ host: options.host, port: options.port });
  const address = app.server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close: () => app.close(),
  };
};

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server of the sandbox that listens. */
export interface LocalServer {
  readonly url: string;
  readonly port: number;
  /** Breaks every open connection and stops listening. */
  stop(): Promise<void>;
}

/** Listens on `port`, or on a free one for 0, and says in one line when the port is taken. */
export async function listenLocally(
  server: Server,
  options: { readonly host?: string | undefined; readonly port?: number | undefined; readonly purpose: string },
): Promise<LocalServer> {
  const { host = '127.0.0.1', port = 0, purpose } = options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `Port ${port} on ${host} is taken; stop what uses it or choose another port for ${purpose}`;
      reject(error.code === 'EADDRINUSE' ? new Error(taken) : error);
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host}:${address.port}`,
    port: address.port,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@tollkeeper/database';

/** A PostgreSQL server of a test's own that dies and comes back behind one address. */
export interface MortalDatabase {
  readonly url: string;
  /** Ends the server as a machine does that loses its power. What it had committed is on disk. */
  kill(): Promise<void>;
  /** Starts a server on what the killed one left. */
  revive(): Promise<void>;
  /** Breaks every connection and refuses new ones, while the server goes on. Answers how to let them through again. */
  cutOff(): () => void;
  stop(): Promise<void>;
}

export async function startMortalDatabase(): Promise<MortalDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tollkeeper-mortal-'));
  const start = () => startEmbeddedPostgres({ dataDir, onWarning: () => undefined });
  let server = await start();
  const relay = await startRelay(portOf(server.appUrl));
  const url = new URL(server.appUrl);
  url.port = relay.port.toString();
  return {
    url: url.toString(),
    async kill() {
      const [pid] = readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n');
      process.kill(Number(pid), 'SIGKILL');
      relay.target(undefined);
      // It gives the folder back; the server itself is gone.
      await server.stop();
    },
    async revive() {
      server = await start();
      relay.target(portOf(server.appUrl));
    },
    cutOff() {
      relay.target(undefined);
      return () => {
        relay.target(portOf(server.appUrl));
      };
    },
    async stop() {
      await relay.stop();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** Passes connections on to a port of this machine that may change, or to none. */
async function startRelay(firstTarget: number) {
  let port: number | undefined = firstTarget;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const relay = createServer((incoming) => {
    keep(incoming);
    if (port === undefined) {
      incoming.destroy();
      return;
    }
    const outgoing = keep(connect(port, '127.0.0.1'));
    incoming.on('close', () => outgoing.destroy());
    outgoing.on('close', () => incoming.destroy());
    incoming.pipe(outgoing).pipe(incoming);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (relay.address() as AddressInfo).port,
    target(next: number | undefined) {
      port = next;
      breakAll();
    },
    async stop() {
      const closed = new Promise((resolve) => relay.close(resolve));
      breakAll();
      await closed;
    },
  };
}

import { createConnection } from 'node:net';

/** A caller whose connection a test can break whenever it likes. */
export interface RawCaller {
  /** Breaks the connection at once, as a machine does that goes away. */
  hangUp(): void;
}

/** Sends settle requests over a socket of their own, one right behind the other, and reads nothing. */
export async function callSettle(url: string, ...requests: readonly unknown[]): Promise<RawCaller> {
  const { hostname, port, host } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  for (const request of requests) {
    const body = JSON.stringify(request);
    const head = [
      'POST /settle HTTP/1.1',
      `host: ${host}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  }
  return { hangUp: () => void socket.resetAndDestroy() };
}

import { createConnection } from 'node:net';

/** A caller whose connection a test can break whenever it likes. */
export interface RawCaller {
  /** Breaks the connection at once, as a machine does that goes away. */
  hangUp(): void;
}

/** Sends a settle request over a socket of its own, and reads nothing. */
export async function callSettle(url: string, request: unknown): Promise<RawCaller> {
  const { hostname, port, host } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  const body = JSON.stringify(request);
  const head = [
    'POST /settle HTTP/1.1',
    `host: ${host}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  return { hangUp: () => void socket.resetAndDestroy() };
}

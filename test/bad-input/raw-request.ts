import { Agent, request, type IncomingHttpHeaders } from 'node:http';

/** What came back, unread. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The processor time of this process until it came, however busy the machine is with others. */
  readonly cpuMs: number;
}

/** A request as its bytes are: nothing is added, checked or repaired on the way. */
export interface RawRequest {
  readonly method?: string;
  /** Sent as it stands, so that it need not be a path that a URL could hold. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

export const json = { 'content-type': 'application/json' };

export function sendRaw(url: string, { method = 'POST', path, headers = json, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const before = process.cpuUsage();
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, headers, agent }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', reject);
      incoming.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const { user, system } = process.cpuUsage(before);
        const cpuMs = (user + system) / 1_000;
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, cpuMs });
      });
    });
    // A server that refuses a body early closes while we still write; its answer counts, not the broken pipe.
    outgoing.once('error', (error) => {
      setImmediate(reject, error);
    });
    outgoing.end(body);
  });
}

/** Sends what JSON can hold. */
export function sendJson(url: string, operation: Operation, value: unknown): Promise<RawAnswer> {
  return sendRaw(url, { path: `/${operation}`, body: JSON.stringify(value) });
}

export const operations = ['verify', 'settle'] as const;

export type Operation = (typeof operations)[number];

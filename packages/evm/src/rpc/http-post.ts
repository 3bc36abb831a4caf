import { Agent as PlainAgent, request as plainRequest, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { NoAnswerError } from '@tollkeeper/protocol';

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends a JSON body and gives the whole answer.
 * @throws NoAnswerError when there is none in time, or it is too large.
 */
export type HttpPost = (body: string, timeoutMs: number) => Promise<HttpAnswer>;

/** Servers usually close idle connections after 5 s or later; being first avoids writing to one that is just closing. */
const idleConnectionMs = 4000;

/**
 * Posts to one address over connections that stay open. This is `node:http` because a call by `fetch` costs three to four times
 * the CPU time. Redirects are not followed: they could lead the credentials elsewhere.
 */
export function createHttpPost(endpoint: {
  url: URL;
  headers: Readonly<Record<string, string>>;
  maximumAnswerBytes: number;
}): HttpPost {
  const { url, maximumAnswerBytes } = endpoint;
  const isSecure = url.protocol === 'https:';
  const request = isSecure ? secureRequest : plainRequest;
  const agent = new (isSecure ? SecureAgent : PlainAgent)({ keepAlive: true, timeout: idleConnectionMs });
  const address = { ...urlToHttpOptions(url), method: 'POST', agent };

  return (body, timeoutMs) =>
    new Promise((resolve, reject) => {
      const headers = { ...endpoint.headers, 'content-length': Buffer.byteLength(body) };
      const outgoing = request({ ...address, headers }, (incoming) => {
        readBounded(incoming, maximumAnswerBytes).then((text) => {
          resolve({ status: incoming.statusCode ?? 0, text });
        }, giveUp);
      });
      const timer = setTimeout(() => {
        giveUp(new NoAnswerError('timeout', 'timeout'));
      }, timeoutMs);
      outgoing.on('error', giveUp);
      outgoing.on('close', () => {
        clearTimeout(timer);
      });
      outgoing.end(body);

      function giveUp(error: unknown): void {
        outgoing.destroy();
        // The error may repeat the address, which may hold a key: only the operating system's code travels on.
        reject(error instanceof NoAnswerError ? error : new NoAnswerError('unreachable', systemCode(error)));
      }
    });
}

async function readBounded(incoming: IncomingMessage, maximumBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maximumBytes) throw new NoAnswerError('unreachable', 'answer too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}

/** The operating system's word for what happened, such as ECONNREFUSED. */
function systemCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unreachable';
}

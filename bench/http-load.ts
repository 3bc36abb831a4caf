import { setMaxListeners } from 'node:events';
import { Agent, request, type RequestOptions } from 'node:http';
import { urlToHttpOptions } from 'node:url';

/** A load on one endpoint. The bodies are made before, so that the clock sees nothing but the calls. */
export interface Load {
  readonly url: string;
  /** Each is sent once. */
  readonly bodies: readonly Buffer[];
  /** How many calls are under way at once; as many as there are bodies sends all of them together. */
  readonly concurrency: number;
  /** After this no further call is begun. */
  readonly stopAfterMs: number;
  /** After this whatever is unanswered is broken off and counts as failed. */
  readonly giveUpAfterMs: number;
  /** Undefined for the answer that was wanted, otherwise why it is a failure. */
  readonly findFailure: (status: number, body: unknown) => string | undefined;
}

/** Why a call failed that was broken off. */
export const notAnswered = 'not answered in time';

export interface LoadResult {
  /** From the first call to the last answer. */
  readonly seconds: number;
  readonly sent: number;
  /** Milliseconds of each call that was answered as wanted. */
  readonly latenciesMs: readonly number[];
  /** Everything else, counted by reason. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Calls an endpoint in a closed loop: each of `concurrency` callers sends its next body when its last one is answered. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  // What a call needs is put together once: the load shares its cores with what it measures.
  const target = { ...urlToHttpOptions(new URL(load.url)), method: 'POST', agent };
  const callers = Math.min(load.concurrency, load.bodies.length);
  await openSockets({ agent, url: load.url, count: callers });
  const latenciesMs: number[] = [];
  const failures: Record<string, number> = {};
  let next = 0;
  let hasGivenUp = false;
  const started = performance.now();
  const limit = setTimeout(() => {
    hasGivenUp = true;
    for (const socket of Object.values(agent.sockets).flat()) socket?.destroy();
  }, load.giveUpAfterMs);

  async function call(): Promise<void> {
    while (!hasGivenUp && next < load.bodies.length && performance.now() - started < load.stopAfterMs) {
      const body = load.bodies[next++];
      if (body === undefined) return;
      const began = performance.now();
      const failure = await post(target, body).then(
        ({ status, text }) => load.findFailure(status, parse(text)),
        (error: unknown) => (hasGivenUp ? notAnswered : describe(error)),
      );
      if (failure === undefined) latenciesMs.push(performance.now() - began);
      else failures[failure] = (failures[failure] ?? 0) + 1;
    }
  }

  await Promise.all(Array.from({ length: callers }, call));
  const seconds = (performance.now() - started) / 1000;
  clearTimeout(limit);
  agent.destroy();
  return { seconds, sent: next, latenciesMs, failures };
}

/**
 * Connects before the clock starts: a thousand connections at once overflow the backlog of any server. A server that does
 * not answer here fails in the calls that are measured.
 */
async function openSockets(parts: { agent: Agent; url: string; count: number }): Promise<void> {
  const { agent, count } = parts;
  const url = new URL('/supported', parts.url).href;
  const signal = AbortSignal.timeout(10_000);
  setMaxListeners(0, signal);
  // Calls that overlap cannot share a socket.
  await Promise.allSettled(Array.from({ length: count }, () => get(url, { agent, signal })));
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function get(url: string, options: { agent: Agent; signal: AbortSignal }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(url, options, (incoming) => readAnswer(incoming, resolve, reject))
      .once('error', reject)
      .end();
  });
}

function post(target: RequestOptions, body: Buffer): Promise<Answer> {
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...target, headers }, (incoming) => {
      readAnswer(incoming, resolve, reject);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

function readAnswer(
  incoming: NodeJS.ReadableStream & { readonly statusCode?: number | undefined },
  resolve: (answer: Answer) => void,
  reject: (error: Error) => void,
): void {
  let text = '';
  incoming.setEncoding('utf8');
  incoming.on('data', (chunk: string) => (text += chunk));
  incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
  incoming.once('error', reject);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describe(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  return `no answer: ${code ?? message}`;
}

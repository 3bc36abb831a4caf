import { Client, type Dispatcher } from 'undici';

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
  const { origin, pathname } = new URL(load.url);
  const callers = await openCallers(origin, Math.min(load.concurrency, load.bodies.length));
  const latenciesMs: number[] = [];
  const failures: Record<string, number> = {};
  let next = 0;
  let hasGivenUp = false;
  const started = performance.now();
  const limit = setTimeout(() => {
    hasGivenUp = true;
    for (const caller of callers) void caller.destroy();
  }, load.giveUpAfterMs);

  async function callInTurn(caller: Client): Promise<void> {
    while (!hasGivenUp && next < load.bodies.length && performance.now() - started < load.stopAfterMs) {
      const body = load.bodies[next++];
      if (body === undefined) return;
      const began = performance.now();
      const failure = await post(caller, pathname, body).then(
        ({ status, text }) => load.findFailure(status, parse(text)),
        (error: unknown) => (hasGivenUp ? notAnswered : describe(error)),
      );
      if (failure === undefined) latenciesMs.push(performance.now() - began);
      else failures[failure] = (failures[failure] ?? 0) + 1;
    }
  }

  await Promise.all(callers.map(callInTurn));
  const seconds = (performance.now() - started) / 1000;
  clearTimeout(limit);
  await Promise.all(callers.map((caller) => caller.destroy()));
  return { seconds, sent: next, latenciesMs, failures };
}

/**
 * Connects before the clock starts: a thousand connections at once overflow the backlog of any server. A server that does
 * not answer here fails in the calls that are measured.
 */
async function openCallers(origin: string, count: number): Promise<Client[]> {
  // One connection each, and no limits of their own, because the load has one.
  const callers = Array.from({ length: count }, () => new Client(origin, { headersTimeout: 0, bodyTimeout: 0 }));
  const path = '/supported';
  await Promise.allSettled(callers.map((caller) => send(caller, { method: 'GET', path, headersTimeout: 10_000 })));
  return callers;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function post(caller: Client, path: string, body: Buffer): Promise<Answer> {
  return send(caller, { method: 'POST', path, headers: ['content-type', 'application/json'], body });
}

/** The lowest of undici's interfaces: the load shares its cores with what it measures. */
function send(caller: Client, request: Dispatcher.DispatchOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    const chunks: Buffer[] = [];
    caller.dispatch(request, {
      // Without it undici takes the handler for one of its old kind.
      onRequestStart: () => undefined,
      onResponseStart: (_controller, statusCode) => {
        status = statusCode;
      },
      onResponseData: (_controller, chunk) => {
        chunks.push(chunk);
      },
      onResponseEnd: () => resolve({ status, text: Buffer.concat(chunks).toString() }),
      onResponseError: (_controller, error) => reject(error),
    });
  });
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

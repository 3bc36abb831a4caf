import { hash } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';
import type { ServerResponse } from 'node:http';
import { listenLocally } from '../demo/local-server.js';
import type { LocalServer } from '../demo/local-server.js';
import { readBody } from '../demo/read-body.js';
import { applyRpcFault } from './apply-rpc-fault.js';
import type { ForwardRpc, RpcOutcome } from './apply-rpc-fault.js';
import type { RpcFault, RpcProxyCall, RpcRule } from './rpc-fault.js';

/** A JSON-RPC endpoint that passes calls on to a node, counts them and misbehaves on demand. */
export interface RpcProxy extends LocalServer {
  /** Calls of a method since the start or the last reset, or of all methods together. */
  calls(method?: string): number;
  /** Different transactions that were sent since then, on any chain: the same bytes sent again count once. */
  transactions(): number;
  /** HTTP requests since then; a batch is one. */
  requests(): number;
  /** Every counted method with its calls. */
  counts(): Readonly<Record<string, number>>;
  /** Installs a rule behind those already there and answers what removes it. The first rule that decides wins. */
  use(rule: RpcRule): () => void;
  /** Sets the counters to zero and removes every rule. */
  reset(): void;
}

/** The methods that take signed transactions, of EVM and of Solana. */
const sendMethods: ReadonlySet<string> = new Set(['eth_sendRawTransaction', 'sendTransaction']);

interface RawCall {
  readonly jsonrpc?: unknown;
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
}

/** Starts a proxy in front of a JSON-RPC node of any chain. Port 0, the default, takes a free one. */
export async function startRpcProxy(options: {
  readonly target: string;
  readonly port?: number;
  readonly host?: string;
}): Promise<RpcProxy> {
  const { target } = options;
  const agent = new Agent({ keepAlive: true });
  const book = createCallBook();
  const forward: ForwardRpc = (body) => post(target, body, agent);
  const server = createServer((incoming, response) => {
    readBody(incoming)
      .then((body) => answerBody({ body, book, forward }))
      .then((outcome) => reply(response, outcome))
      // The node is away or the request is no JSON: either way the client sees a broken connection.
      .catch(() => response.destroy());
  });
  const local = await listenLocally(server, { ...options, purpose: 'the RPC proxy' });
  return {
    ...book.control,
    ...local,
    stop: async () => {
      agent.destroy();
      await local.stop();
    },
  };
}

/** An open gate holds nothing: a fault of the same calls that was installed later must not go unseen behind it. */
function isOver(fault: RpcFault): boolean {
  return fault.kind === 'hold' && fault.gate.isOpen();
}

interface CallBook {
  readonly control: Pick<RpcProxy, 'calls' | 'transactions' | 'requests' | 'counts' | 'use' | 'reset'>;
  /** Counts an HTTP request. */
  readonly enterRequest: () => void;
  /** Counts a call and decides what becomes of it. */
  readonly enterCall: (raw: RawCall, inBatch: boolean) => { readonly call: RpcProxyCall; readonly fault: RpcFault };
}

function createCallBook(): CallBook {
  const counters = new Map<string, number>();
  const rules = new Set<RpcRule>();
  const transactions = new Set<string>();
  let requestCount = 0;

  function decide(call: RpcProxyCall): RpcFault {
    for (const rule of rules) {
      const fault = rule(call);
      if (fault !== undefined && !isOver(fault)) return fault;
    }
    return { kind: 'pass' };
  }

  return {
    enterRequest: () => {
      requestCount += 1;
    },
    enterCall: (raw, inBatch) => {
      const method = typeof raw.method === 'string' ? raw.method : '';
      const ordinal = (counters.get(method) ?? 0) + 1;
      counters.set(method, ordinal);
      if (sendMethods.has(method)) transactions.add(hash('sha256', JSON.stringify(raw.params)));
      const call = { method, params: raw.params, id: raw.id ?? null, ordinal, inBatch };
      return { call, fault: decide(call) };
    },
    control: {
      calls: (method) => {
        if (method !== undefined) return counters.get(method) ?? 0;
        return [...counters.values()].reduce((sum, one) => sum + one, 0);
      },
      transactions: () => transactions.size,
      requests: () => requestCount,
      counts: () => Object.fromEntries(counters),
      use: (rule) => {
        rules.add(rule);
        return () => void rules.delete(rule);
      },
      reset: () => {
        counters.clear();
        transactions.clear();
        rules.clear();
        requestCount = 0;
      },
    },
  };
}

async function answerBody(parts: { body: string; book: CallBook; forward: ForwardRpc }): Promise<RpcOutcome> {
  const { body, book, forward } = parts;
  const parsed = JSON.parse(body) as RawCall | readonly RawCall[];
  const isBatch = Array.isArray(parsed);
  const raws = isBatch ? (parsed as readonly RawCall[]) : [parsed as RawCall];
  book.enterRequest();
  const entries = raws.map((raw) => ({ raw, ...book.enterCall(raw, isBatch) }));
  // Text goes through untouched where it can: a u64 of Solana does not survive JSON.parse.
  if (entries.every(({ fault }) => fault.kind === 'pass')) return { kind: 'answer', text: await forward(body) };
  const outcomes = await Promise.all(
    entries.map(({ raw, call, fault }) => {
      return applyRpcFault({ fault, call, forward, body: isBatch ? JSON.stringify(raw) : body });
    }),
  );
  return isBatch ? joinBatch(outcomes) : (outcomes[0] ?? { kind: 'break' });
}

function joinBatch(outcomes: readonly RpcOutcome[]): RpcOutcome {
  const bad = outcomes.find((outcome) => outcome.kind !== 'answer');
  if (bad !== undefined) return bad;
  const texts = outcomes.map((outcome) => (outcome.kind === 'answer' ? outcome.text : ''));
  return { kind: 'answer', text: `[${texts.join(',')}]` };
}

function reply(response: ServerResponse, outcome: RpcOutcome): void {
  switch (outcome.kind) {
    case 'answer':
      response.writeHead(200, { 'content-type': 'application/json' }).end(outcome.text);
      return;
    case 'status':
      response.writeHead(outcome.status, outcome.headers).end();
      return;
    case 'break':
      response.destroy();
  }
}

function post(url: string, body: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const outgoing = request(url, { method: 'POST', agent, headers }, (incoming) => {
      readBody(incoming).then(resolve, reject);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

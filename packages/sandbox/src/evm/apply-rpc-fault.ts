import { setTimeout as sleep } from 'node:timers/promises';
import type { RpcFault, RpcProxyCall } from './rpc-fault.js';

/** The way in which one call ends: an answer as JSON text, a broken connection, or an HTTP status. */
export type RpcOutcome =
  | { readonly kind: 'answer'; readonly text: string }
  | { readonly kind: 'break' }
  | { readonly kind: 'status'; readonly status: number; readonly headers: Readonly<Record<string, string>> };

/** Sends a request body to the node and answers the body of its reply. */
export type ForwardRpc = (body: string) => Promise<string>;

/** Does to one call what its fault says. */
export async function applyRpcFault(parts: {
  readonly fault: RpcFault;
  readonly call: RpcProxyCall;
  readonly body: string;
  readonly forward: ForwardRpc;
}): Promise<RpcOutcome> {
  const { fault, call, body, forward } = parts;
  const passOn = async (): Promise<RpcOutcome> => ({ kind: 'answer', text: await forward(body) });
  const answer = (content: object): RpcOutcome => {
    return { kind: 'answer', text: JSON.stringify({ jsonrpc: '2.0', id: call.id, ...content }) };
  };
  switch (fault.kind) {
    case 'pass':
      return passOn();
    case 'drop':
      return { kind: 'break' };
    case 'delay':
      await sleep(fault.ms);
      return passOn();
    case 'error': {
      const { code, message, data } = fault;
      return answer({ error: { code, message, ...(data === undefined ? {} : { data }) } });
    }
    case 'result':
      return answer({ result: fault.result });
    case 'http-status':
      return { kind: 'status', status: fault.status, headers: fault.headers ?? {} };
    case 'lose-reply':
      await forward(body);
      await sleep(fault.afterMs);
      return { kind: 'break' };
    case 'deny':
      await forward(body);
      return answer({ error: { code: fault.code, message: fault.message } });
    case 'duplicate': {
      const first = await passOn();
      await forward(body);
      return first;
    }
    case 'ask':
      return {
        kind: 'answer',
        text: await forward(JSON.stringify({ ...(JSON.parse(body) as object), params: fault.params })),
      };
    case 'alter': {
      const { result, ...rest } = JSON.parse(await forward(body)) as { readonly result?: unknown };
      return {
        kind: 'answer',
        text: JSON.stringify({ ...rest, ...(result === undefined ? {} : { result: fault.change(result) }) }),
      };
    }
    case 'hold':
      await fault.gate.passed();
      return passOn();
  }
}

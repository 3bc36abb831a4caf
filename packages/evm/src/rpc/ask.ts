import { Fault, type Network } from '@tollkeeper/protocol';
import type { z } from 'zod';
import type { RpcClient } from './rpc-client.js';
import { RpcError, shortText } from './rpc-error.js';

/** A method of a node, how its result is read, and which of its refusals are answers; none are unless it says so. */
export interface Question<Schema extends z.ZodType> {
  readonly method: string;
  readonly schema: Schema;
  readonly refusalMeans?: (error: RpcError) => boolean;
}

export type Ask = <Schema extends z.ZodType>(
  question: Question<Schema>,
  ...parameters: readonly unknown[]
) => Promise<z.output<Schema>>;

/**
 * Asks a node and reads the answer. What it throws is an RpcError only where the refusal is an answer, and a Fault
 * `CHAIN_RPC_UNAVAILABLE` otherwise.
 */
export function createAsk(parts: { network: Network; rpc: RpcClient }): Ask {
  return async function ask(question, ...parameters) {
    const { method, schema, refusalMeans = () => false } = question;
    const unavailable = (trouble: string) =>
      new Fault('CHAIN_RPC_UNAVAILABLE', { network: parts.network, method, trouble });
    let result: unknown;
    try {
      result = await parts.rpc.call(method, parameters);
    } catch (error) {
      throw error instanceof RpcError && !refusalMeans(error) ? unavailable(shortText(error)) : error;
    }
    const parsed = schema.safeParse(result);
    if (!parsed.success) throw unavailable('unreadable result');
    return parsed.data;
  };
}

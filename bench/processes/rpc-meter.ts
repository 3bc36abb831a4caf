import { forkPart } from './fork-part.js';

/** Calls to a node by method. */
export type RpcCounts = Readonly<Record<string, number>>;

/** What counts the calls of one facilitator to its node. */
export interface RpcMeter {
  readonly url: string;
  counts(): Promise<RpcCounts>;
  stop(): Promise<void>;
}

export async function startRpcMeter(target: string): Promise<RpcMeter> {
  const part = await forkPart<{ url: string }>('rpc-meter', { target });
  return { url: part.ready.url, counts: async () => (await part.read()) as RpcCounts, stop: () => part.stop() };
}

/** What was called between two readings. */
export function callsBetween(before: RpcCounts, after: RpcCounts): RpcCounts {
  const calls = Object.entries(after).map(([method, count]) => [method, count - (before[method] ?? 0)] as const);
  return Object.fromEntries(calls.filter(([, count]) => count > 0));
}

export function totalOf(counts: RpcCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

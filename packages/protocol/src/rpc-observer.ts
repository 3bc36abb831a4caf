import type { Network } from './network.js';

/** One JSON-RPC call to a node, as the metrics count it. */
export interface RpcCall {
  readonly network: Network;
  /** The endpoint's place in the configuration, from 1; its address may hold a key. */
  readonly endpoint: number;
  readonly method: string;
  /** `error` is the node's own refusal; `timeout` and `unreachable` say nothing about what the node did. */
  readonly outcome: 'ok' | 'error' | 'timeout' | 'unreachable';
  readonly seconds: number;
}

export type RpcObserver = (call: RpcCall) => void;

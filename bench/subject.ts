import type { RpcCounts } from './processes/rpc-meter.js';

/** Which facilitator, in which configuration. */
export type Contender =
  | { readonly kind: 'tollkeeper'; readonly name: string; readonly lanes: number }
  | { readonly kind: 'reference'; readonly name: string; readonly nonceManager: boolean };

/** A facilitator under measurement: a process of its own, with a meter between it and its node. */
export interface Subject {
  readonly contender: Contender;
  readonly url: string;
  readonly pid: number;
  /** The accounts that pay for its transactions. */
  readonly signers: readonly string[];
  rpcCounts(): Promise<RpcCounts>;
  stop(): Promise<void>;
}

export function tollkeeper(lanes = 1): Contender {
  return { kind: 'tollkeeper', name: lanes === 1 ? 'tollkeeper' : `tollkeeper, ${lanes} lanes`, lanes };
}

/** As the examples of the x402 project configure it. */
export const reference: Contender = { kind: 'reference', name: 'reference', nonceManager: false };

/** The best configuration that it has for one account that settles concurrently. */
export const referenceWithNonces: Contender = {
  kind: 'reference',
  name: 'reference + nonceManager',
  nonceManager: true,
};

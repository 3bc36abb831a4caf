import type { RpcLimits } from '@tollkeeper/protocol';

/** What one network's settlements may cost, and how long its node may take. */
export interface EvmLimits extends RpcLimits {
  /** Gas that one settlement may use at most; a token that needs more is refused before it is signed. */
  readonly gasLimitMax: bigint;
  /** Wei that we pay per gas at most; giving up a place that is stuck at it may cost an eighth more. */
  readonly maxFeePerGasWei: bigint;
  /** Blocks that must hold a transaction before it counts: its own, and those on top of it. At least 1. */
  readonly confirmations: number;
  /**
   * Blocks on top of a transaction that make it final, where the node does not know the block tag `finalized`. Deeper than any
   * chain needs, because the answer of a node decides whether it is used.
   */
  readonly finalityDepth: number;
}

/** EIP-3009 transfers of known tokens use 60,000 to 120,000 gas. */
export const defaultEvmLimits: EvmLimits = {
  gasLimitMax: 300_000n,
  maxFeePerGasWei: 500_000_000_000n,
  rpcTimeoutMs: 10_000,
  rpcCooldownMs: 1_000,
  rpcCompareEveryMs: 5_000,
  rpcMaximumLagBlocks: 5,
  confirmations: 1,
  finalityDepth: 5_000,
};

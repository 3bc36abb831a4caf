import type { ReadVariables } from './variable-schema.js';

/** How patient we are with a network's RPC endpoints. */
export interface RpcLimits {
  readonly rpcTimeoutMs: number;
  readonly rpcCooldownMs: number;
  readonly rpcCompareEveryMs: number;
  readonly rpcMaximumLagBlocks: number;
}

/** Ten seconds on Base, and on Solana. */
const lagBlocks = { EVM: 5, SVM: 25 };

export function readRpcLimits(read: ReadVariables, prefix: 'EVM' | 'SVM'): RpcLimits {
  return {
    rpcTimeoutMs: read.RPC_TIMEOUT_MS ?? 10_000,
    rpcCooldownMs: read.RPC_COOLDOWN_MS ?? 1_000,
    rpcCompareEveryMs: read.RPC_COMPARE_MS ?? 5_000,
    rpcMaximumLagBlocks: read[`${prefix}_RPC_LAG_BLOCKS`] ?? lagBlocks[prefix],
  };
}

import type { RpcLimits } from '@tollkeeper/protocol';

/** What we are willing to spend on one payment, and how we talk to the node. */
export interface SvmLimits extends RpcLimits {
  /** The most compute units a payment may ask for. Wallets that add assertions need up to about 100,000. */
  readonly computeUnitsMax: number;
  /** The highest price per compute unit, in millionths of a lamport (the specification's cap is five lamports). */
  readonly computeUnitPriceMaxMicroLamports: bigint;
  /** What counts as confirmed. */
  readonly commitment: SvmCommitment;
}

/** The commitments on which evidence may rest; `processed` blocks are dropped too easily. */
export type SvmCommitment = 'confirmed' | 'finalized';

export const defaultSvmLimits: SvmLimits = {
  computeUnitsMax: 200_000,
  computeUnitPriceMaxMicroLamports: 5_000_000n,
  rpcTimeoutMs: 10_000,
  rpcCooldownMs: 1_000,
  rpcCompareEveryMs: 5_000,
  rpcMaximumLagBlocks: 25,
  commitment: 'confirmed',
};

/**
 * Fills in the defaults.
 * @throws RangeError when a limit is no whole number of its range.
 */
export function readSvmLimits(given: Partial<SvmLimits> = {}): SvmLimits {
  const limits = { ...defaultSvmLimits, ...given };
  if (!Number.isInteger(limits.computeUnitsMax) || limits.computeUnitsMax < 1 || limits.computeUnitsMax > 1_400_000) {
    throw new RangeError('computeUnitsMax must be a whole number from 1 to 1,400,000');
  }
  if (limits.computeUnitPriceMaxMicroLamports < 0n) {
    throw new RangeError('computeUnitPriceMaxMicroLamports must not be negative');
  }
  if (!Number.isInteger(limits.rpcTimeoutMs) || limits.rpcTimeoutMs < 1) {
    throw new RangeError('rpcTimeoutMs must be a whole number of milliseconds, at least 1');
  }
  return limits;
}

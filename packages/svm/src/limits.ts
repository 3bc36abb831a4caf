/** What we are willing to spend on one payment, and how we talk to the node. */
export interface SvmLimits {
  /** The most compute units a payment may ask for. Wallets that add assertions need up to about 100,000. */
  readonly computeUnitsMax: number;
  /** The highest price per compute unit, in millionths of a lamport (the specification's cap is five lamports). */
  readonly computeUnitPriceMaxMicroLamports: bigint;
  /** How long one RPC call may take. */
  readonly rpcTimeoutMs: number;
  /** What counts as confirmed. */
  readonly commitment: SvmCommitment;
}

/** The commitments on which evidence may rest; `processed` blocks are dropped too easily. */
export type SvmCommitment = 'confirmed' | 'finalized';

export const defaultSvmLimits: SvmLimits = {
  computeUnitsMax: 200_000,
  computeUnitPriceMaxMicroLamports: 5_000_000n,
  rpcTimeoutMs: 10_000,
  commitment: 'confirmed',
};

import type { Asset, Network } from '@tollkeeper/protocol';

/** What is held against what. */
export type Check =
  /** All debits of an asset, and all credits. */
  | 'trial_balance'
  /** The sum of an account's transfers, and its balance; once for each side. */
  | 'balance'
  /** The sum of an account's open holds, and what its balance has as held. */
  | 'holds'
  /** What the ledger has at an address of ours as of a final block, and what the chain has there. */
  | 'custody';

/** Two numbers that should be one, in minor units of the asset. */
export interface Difference {
  readonly check: Check;
  readonly asset: Asset;
  /** The account or the address. */
  readonly subject: string;
  readonly expected: bigint;
  readonly found: bigint;
}

/** Something that could not be compared, and why. */
export interface Unchecked {
  readonly network: Network;
  readonly subject: string;
  readonly reason: string;
}

/** What one part of a reconciliation compared. */
export interface Comparison {
  readonly compared: number;
  readonly differences: readonly Difference[];
  readonly unchecked: readonly Unchecked[];
}

/** An asset in our custody as a whole: what the ledger has, what the chains have, as of the blocks that were read. */
export interface CustodySummary {
  readonly asset: Asset;
  readonly addresses: number;
  readonly ledger: bigint;
  readonly chain: bigint;
  /** The lowest and the highest block that balances were read at; on EVM they are the same. */
  readonly fromBlock: bigint;
  readonly toBlock: bigint;
}

/** clean: nothing differs. different: something does. incomplete: nothing differs among what could be compared. */
export type ReconciliationOutcome = 'clean' | 'different' | 'incomplete';

/** How many comparisons of one kind differ in one asset. */
export interface DifferenceCount {
  readonly check: Check;
  readonly asset: Asset;
  readonly count: number;
}

export interface ReconciliationReport {
  readonly id: bigint;
  readonly startedBy: 'command' | 'schedule';
  readonly startedAt: Date;
  readonly outcome: ReconciliationOutcome;
  readonly compared: number;
  readonly differing: number;
  /** `differing` among `compared`, as a percentage with four decimals. */
  readonly discrepancyRate: string;
  readonly custody: readonly CustodySummary[];
  readonly counts: readonly DifferenceCount[];
  /** The first thousand. */
  readonly differences: readonly Difference[];
  readonly unchecked: readonly Unchecked[];
  /** The assets whose outflows this run froze; those that were frozen before are not among them. */
  readonly frozen: readonly Asset[];
}

export const longestList = 1_000;

/** How often comparisons differ, as a percentage with four decimals; one that is not zero never reads as zero. */
export function discrepancyRate(differing: number, compared: number): string {
  if (differing === 0 || compared === 0) return '0.0000';
  const millionths = (BigInt(differing) * 1_000_000n) / BigInt(compared);
  const digits = (millionths === 0n ? 1n : millionths).toString().padStart(5, '0');
  return `${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

export function countDifferences(differences: readonly Difference[]): readonly DifferenceCount[] {
  const counts = new Map<string, DifferenceCount>();
  for (const { check, asset } of differences) {
    const key = `${check} ${asset.network} ${asset.token}`;
    counts.set(key, { check, asset, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

/** Every asset in which something differs, once. */
export function differingAssets(differences: readonly Difference[]): readonly Asset[] {
  return [...new Map(differences.map(({ asset }) => [`${asset.network} ${asset.token}`, asset])).values()];
}

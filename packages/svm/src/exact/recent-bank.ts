import type { Clock } from '@tollkeeper/protocol';
import type { SolanaRpc } from '../rpc/solana-rpc.js';

/** A bank of the cluster: one and the same slot and block height. */
export interface Bank {
  readonly slot: bigint;
  readonly blockHeight: bigint;
}

/** Gives a bank of about the last slot; all who ask within that time share one request. */
export type RecentBank = () => Promise<Bank>;

/** A slot takes this long. */
const slotMs = 400;

export function createRecentBank({ rpc, clock }: { readonly rpc: SolanaRpc; readonly clock: Clock }): RecentBank {
  let latest: { readonly bank: Promise<Bank>; readonly untilMs: number } | undefined;
  return () => {
    const nowMs = clock.now().getTime();
    if (latest !== undefined && nowMs < latest.untilMs) return latest.bank;
    const asked = { bank: rpc.epochInfo(), untilMs: nowMs + slotMs };
    latest = asked;
    asked.bank.catch(() => {
      // The next caller asks again.
      if (latest === asked) latest = undefined;
    });
    return asked.bank;
  };
}

import type { Authorization, Network } from '@tollkeeper/protocol';

/** Limits how many claims of a network wait for a signature here. */
export interface ClaimLimit {
  /**
   * Taken before a claim is written, so that a crowd meets the limit however slow the database is. Answers what gives the place
   * back, once, or undefined where all are taken.
   */
  take(claimant: Pick<Authorization, 'asset' | 'payer'>): (() => void) | undefined;
  taken(network: Network): number;
}

/**
 * Each network has places of its own: one that hangs turns nobody away from another. A payer has a tenth of them for a token,
 * because its payments are verified one after another: those of one empty address would shut everybody out for as long.
 */
export function createClaimLimit(placesPerNetwork: number): ClaimLimit {
  const placesPerPayer = Math.ceil(placesPerNetwork / 10);
  const counts = new Map<string, number>();
  const taken = (key: string): number => counts.get(key) ?? 0;

  function add(key: string, change: 1 | -1): void {
    const count = taken(key) + change;
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
  }

  return {
    take({ asset: { network, token }, payer }) {
      const account = `${network} ${token} ${payer}`;
      if (taken(network) >= placesPerNetwork || taken(account) >= placesPerPayer) return undefined;
      for (const key of [network, account]) add(key, 1);
      let isHeld = true;
      return () => {
        if (isHeld) for (const key of [network, account]) add(key, -1);
        isHeld = false;
      };
    },
    taken,
  };
}

import type { Network } from '@tollkeeper/protocol';

/** Limits how many claims of a network wait for a signature here. */
export interface ClaimLimit {
  /**
   * Taken before a claim is written, so that a crowd meets the limit however slow the database is. Answers what gives the place
   * back, once, or undefined where all are taken.
   */
  take(network: Network): (() => void) | undefined;
  taken(network: Network): number;
}

/** Each network has places of its own: one that hangs turns nobody away from another. */
export function createClaimLimit(placesPerNetwork: number): ClaimLimit {
  const counts = new Map<Network, number>();
  const taken = (network: Network): number => counts.get(network) ?? 0;

  return {
    take(network) {
      if (taken(network) >= placesPerNetwork) return undefined;
      counts.set(network, taken(network) + 1);
      let isHeld = true;
      return () => {
        if (isHeld) counts.set(network, taken(network) - 1);
        isHeld = false;
      };
    },
    taken,
  };
}

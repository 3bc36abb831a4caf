import { setTimeout as sleep } from 'node:timers/promises';
import type { SolanaChain } from '@tollkeeper/sandbox';
import type { SoakFault } from '../soak-fault.js';

/** What a Solana cluster may do to everybody. */
export function svmChainFaults(chain: SolanaChain): readonly SoakFault[] {
  return [
    [
      'Solana: no slots',
      async ({ random }) => {
        chain.pauseSlots();
        await sleep(500 + 2_000 * random());
        chain.resumeSlots();
      },
    ],
    [
      'Solana: slots rush',
      ({ random }) => {
        // Most blockhashes in use survive some of it, and none the rest.
        chain.advanceSlots(Math.floor(200 * random()));
        return Promise.resolve();
      },
    ],
  ];
}

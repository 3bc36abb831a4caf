import { getAssociatedTokenAddressSync } from '@solana/spl-token';
import { Connection, PublicKey } from '@solana/web3.js';
import type { SolanaChain } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, describe } from 'vitest';
import { devnetUsdc, startFundedSvm, svmVariables } from '../support/test-facilitator.js';
import { svmRequest } from '../support/wire.js';
import { crashCases } from './crash-cases.js';
import { killFacilitatorProcesses } from './facilitator-process.js';

let svm: SolanaChain;

beforeAll(async () => {
  // As slow as devnet, so that a blockhash outlives the dead process's claim.
  svm = await startFundedSvm({ slotMs: 400 });
});
afterAll(async () => {
  await killFacilitatorProcesses();
  await svm.stop();
});

describe('Solana', () => {
  crashCases(() => ({
    svm,
    rpcUrl: svm.url,
    sendMethod: 'sendTransaction',
    variables: (rpcUrl) => Promise.resolve(svmVariables(rpcUrl)),
    request: (payTo) => svmRequest(svm, { payTo }),
    async arrivals(address) {
      const tokenAccount = getAssociatedTokenAddressSync(new PublicKey(devnetUsdc), new PublicKey(address), true);
      const landed = await new Connection(svm.url).getSignaturesForAddress(tokenAccount, {}, 'confirmed');
      return landed.map(({ signature }) => signature);
    },
    minedTransactions: () => Promise.resolve(undefined),
  }));
});

import { startSolanaChain } from '@tollkeeper/sandbox';
import { serveParent } from './serve-parent.js';

export interface SolanaChainRequest {
  readonly mint: string;
  /** Who gets tokens, and who gets lamports for fees. */
  readonly buyers: readonly string[];
  readonly feePayers: readonly string[];
}

const tokens = 1_000_000_000_000n;
const lamports = 1_000_000_000_000n;

serveParent(async ({ mint, buyers, feePayers }: SolanaChainRequest) => {
  const chain = await startSolanaChain({ slotMs: 400 });
  chain.createToken({ mint, decimals: 6, program: 'token' });
  for (const owner of buyers) chain.fundToken({ mint, owner, amount: tokens });
  for (const address of feePayers) chain.fundSol(address, lamports);
  return { ready: { url: chain.url } };
});

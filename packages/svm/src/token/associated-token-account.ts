import { getAssociatedTokenAddressSync } from '@solana/spl-token';
import { PublicKey } from '@solana/web3.js';
import { createBoundedCache } from '../bounded-cache.js';
import type { TokenProgram } from './programs.js';

/** Deriving an address hashes and tests curve points, which costs far more than the rest of a local check. */
const derived = createBoundedCache<string>(10_000);

/**
 * The token account that receives `mint` for `owner`. The owner may be off the curve: the vault of a multisig is, and the
 * reference pays it too. Whoever names such a payTo must be able to sign for it through its program.
 */
export function associatedTokenAccount(parts: { owner: string; mint: string; program: TokenProgram }): string {
  const key = `${parts.owner} ${parts.mint} ${parts.program}`;
  const known = derived.get(key);
  if (known !== undefined) return known;
  const address = getAssociatedTokenAddressSync(
    new PublicKey(parts.mint),
    new PublicKey(parts.owner),
    true,
    new PublicKey(parts.program),
  ).toBase58();
  derived.set(key, address);
  return address;
}

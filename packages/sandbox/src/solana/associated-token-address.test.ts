import { getAssociatedTokenAddressSync, TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID } from '@solana/spl-token';
import { Keypair, PublicKey } from '@solana/web3.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { associatedTokenAddress } from './associated-token-address.js';
import { decodeBase58, encodeBase58 } from './base58.js';

test('associated token addresses are those of spl-token', () => {
  for (const program of [TOKEN_PROGRAM_ID, TOKEN_2022_PROGRAM_ID]) {
    for (let count = 0; count < 20; count += 1) {
      const [owner, mint] = [Keypair.generate().publicKey, Keypair.generate().publicKey];
      const expected = getAssociatedTokenAddressSync(mint, owner, true, program).toBase58();
      const parts = { owner: owner.toBase58(), mint: mint.toBase58(), program: program.toBase58() };
      expect(associatedTokenAddress(parts)).toBe(expected);
    }
  }
});

test('base58 is that of web3.js, both ways', () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const withZeros = fc.tuple(key, fc.nat(32)).map(([bytes, zeros]) => bytes.fill(0, 0, zeros));
  fc.assert(
    fc.property(withZeros, (bytes) => {
      const text = encodeBase58(bytes);
      expect(text).toBe(new PublicKey(bytes).toBase58());
      expect(decodeBase58(text)).toEqual(bytes);
    }),
  );
  expect(decodeBase58('0OIl')).toBeUndefined();
});

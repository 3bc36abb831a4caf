import { addressWord, uintWord } from '../abi-word.js';

/**
 * What can be used only once: a token keeps one flag per (payer, nonce), on one chain. Lowercase hex of the chain id in 32 bytes,
 * the token and the payer in 20 bytes each, and the nonce in 32 bytes, so that every encoding of one authorization has one key.
 */
export function claimKey(authorization: { chainId: bigint; token: string; payer: string; nonce: string }): string {
  return (
    uintWord(authorization.chainId) +
    addressWord(authorization.token).slice(24) +
    addressWord(authorization.payer).slice(24) +
    authorization.nonce.slice(2).toLowerCase()
  );
}

import { Signature, SigningKey } from 'ethers/crypto';
import { recoverAddress } from 'ethers/transaction';
import { getBytes } from 'ethers/utils';
import { parseEvmAddress } from '../address.js';
import type { Curve } from './curve.js';

const groupOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The curve in JavaScript, for platforms without a binary: about thirty times slower, otherwise the same. */
export const portableCurve: Curve = {
  recover(digest, { rs, recovery }) {
    try {
      return parseEvmAddress(recoverAddress(digest, ethersSignature(rs, recovery)));
    } catch {
      return undefined;
    }
  },
  sign(digest, privateKey) {
    const signature = new SigningKey(privateKey).sign(digest);
    return { rs: getBytes(signature.r + signature.s.slice(2)), recovery: signature.yParity };
  },
};

/** Ethers refuses a high s, so the signature is turned into its twin with a low one, which names the same key. */
function ethersSignature(rs: Uint8Array, recovery: 0 | 1): Signature {
  const r = `0x${Buffer.from(rs.subarray(0, 32)).toString('hex')}`;
  const s = BigInt(`0x${Buffer.from(rs.subarray(32)).toString('hex')}`);
  if (s === 0n || s >= groupOrder) throw new RangeError('s is outside the group');
  const isHigh = s > groupOrder / 2n;
  const low = (isHigh ? groupOrder - s : s).toString(16).padStart(64, '0');
  const yParity = isHigh === (recovery === 0) ? 1 : 0;
  return Signature.from({ r, s: `0x${low}`, yParity });
}

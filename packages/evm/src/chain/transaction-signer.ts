import { getBytes } from 'ethers/utils';
import type { SignedTransaction } from '@tollkeeper/protocol';
import type { Curve } from '../curve/curve.js';
import { keccak } from '../keccak.js';
import { evmAddressOf, parseEvmPrivateKey } from '../private-key.js';
import { encodeTransaction } from './encode-transaction.js';
import type { FeeQuote } from './fee-quote.js';

/** A transaction without its place in the signer's order. */
export interface UnsignedTransaction {
  readonly chainId: bigint;
  readonly to: string;
  /** `0x` and the calldata in hex. */
  readonly data: string;
  readonly gasLimit: bigint;
  readonly fee: FeeQuote;
}

/** One account of ours. Its key stays inside. */
export interface TransactionSigner {
  readonly address: string;
  /** Signs a type-2 transaction (EIP-1559) with the given account nonce. Does no RPC. */
  sign(transaction: UnsignedTransaction, accountNonce: bigint): SignedTransaction;
}

/** @throws RangeError when the text is not a private key; the message does not repeat it. */
export function createTransactionSigner(privateKey: string, curve: Curve): TransactionSigner {
  const key = parseEvmPrivateKey(privateKey);
  if (key === undefined) throw new RangeError('A signer key is not a secp256k1 private key of 32 bytes in hex');
  const address = evmAddressOf(key);
  const secret = getBytes(key);

  return {
    address,
    sign({ fee, ...transaction }, accountNonce) {
      const fields = { ...transaction, ...fee, accountNonce };
      const signature = curve.sign(keccak(encodeTransaction(fields)), secret);
      const raw = encodeTransaction(fields, signature);
      return { id: `0x${keccak(raw).toString('hex')}`, raw: new Uint8Array(raw), signer: address, accountNonce };
    },
  };
}

/** An account of ours whose key another process has: it is known here, and signs nothing. */
export function createAbsentSigner(address: string): TransactionSigner {
  return {
    address,
    sign() {
      throw new TypeError(`The key of ${address} is not in this process`);
    },
  };
}

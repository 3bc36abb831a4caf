import { getBytes, Signature, Transaction } from 'ethers';
import type { SignedTransaction } from '@tollkeeper/protocol';
import type { Curve } from '../curve/curve.js';
import { evmAddressOf, parseEvmPrivateKey } from '../private-key.js';
import type { FeeQuote } from './fee-quote.js';

/** A transaction without its place in the signer's order. */
export interface UnsignedTransaction {
  readonly chainId: bigint;
  readonly to: string;
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
    sign({ chainId, to, data, gasLimit, fee }, accountNonce) {
      const transaction = Transaction.from({
        type: 2,
        chainId,
        // Account nonces stay far below 2^53; ethers refuses larger ones.
        nonce: Number(accountNonce),
        to,
        data,
        value: 0n,
        gasLimit,
        maxFeePerGas: fee.maxFeePerGas,
        maxPriorityFeePerGas: fee.maxPriorityFeePerGas,
      });
      const { rs, recovery } = curve.sign(getBytes(transaction.unsignedHash), secret);
      const hex = Buffer.from(rs).toString('hex');
      transaction.signature = Signature.from({
        r: `0x${hex.slice(0, 64)}`,
        s: `0x${hex.slice(64)}`,
        yParity: recovery,
      });
      const { hash, serialized } = transaction;
      if (hash === null) throw new Error('A signed transaction has a hash');
      return { id: hash, raw: getBytes(serialized), signer: address, accountNonce };
    },
  };
}

import { Transaction } from 'ethers';
import type { FeeQuote } from './fee-quote.js';

/** What stands in the bytes of a transaction of ours. */
export interface DecodedTransaction {
  readonly chainId: bigint;
  readonly to: string;
  /** `0x` and the calldata in hex. */
  readonly data: string;
  readonly gasLimit: bigint;
  readonly fee: FeeQuote;
}

/** @throws TypeError when the bytes are none that we signed. */
export function decodeTransaction(raw: Uint8Array): DecodedTransaction {
  const { chainId, to, data, gasLimit, maxFeePerGas, maxPriorityFeePerGas } = Transaction.from(
    `0x${Buffer.from(raw).toString('hex')}`,
  );
  if (to === null || maxFeePerGas === null || maxPriorityFeePerGas === null) {
    throw new TypeError('Our transactions call somebody and name their fees (EIP-1559)');
  }
  return { chainId, to, data, gasLimit, fee: { maxFeePerGas, maxPriorityFeePerGas } };
}

import { evmChainId, type Network, type TransactionPlan } from '@tollkeeper/protocol';
import type { EvmNode } from '../rpc/evm-node.js';
import { emptyTransaction } from './empty-transaction.js';
import type { FeeQuoting } from './fee-quote.js';
import { planTransaction } from './transaction-plan.js';
import type { TransactionSigner } from './transaction-signer.js';

interface Parts {
  readonly network: Network;
  readonly node: Pick<EvmNode, 'balance'>;
  readonly signers: ReadonlyMap<string, TransactionSigner>;
  readonly quoteFee: FeeQuoting;
}

/**
 * Prepares a transaction that does nothing, for what the chain asks now. Undefined when that is more than this facilitator pays,
 * or than the signer has.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function fillPlace(parts: Parts, address: string): Promise<TransactionPlan | undefined> {
  const signer = parts.signers.get(address);
  if (signer === undefined) throw new RangeError(`${address} does not sign for us here`);
  const fee = await parts.quoteFee();
  if (fee === undefined) return undefined;
  const chainId = evmChainId(parts.network);
  const plan = planTransaction(signer, { ...emptyTransaction(signer), chainId, fee });
  return plan.maximumFee > (await parts.node.balance(address)) ? undefined : plan;
}

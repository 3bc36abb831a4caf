import type { ReplacementPlan, SignedTransaction } from '@tollkeeper/protocol';
import type { EvmNode } from '../rpc/evm-node.js';
import { decodeTransaction } from './decode-transaction.js';
import { emptyTransaction } from './empty-transaction.js';
import type { FeeQuote, FeeQuoting } from './fee-quote.js';
import { planTransaction } from './transaction-plan.js';
import type { TransactionSigner } from './transaction-signer.js';

interface Parts {
  readonly node: Pick<EvmNode, 'balance'>;
  readonly signers: ReadonlyMap<string, TransactionSigner>;
  readonly quoteFee: FeeQuoting;
  readonly maxFeePerGasWei: bigint;
}

/** What already offers so many times the price of now is not stuck for its price. */
const dearest = 8n;

/**
 * Prepares a transaction that takes the place of one that waits: the same call again, or nothing at all. Undefined when it would
 * have to offer more than this facilitator pays, or than the signer has, and where the price cannot be what is wrong: raising it
 * again and again would make the day expensive on which the node is well again.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the node did not answer.
 */
export async function replaceTransaction(
  parts: Parts,
  sent: SignedTransaction,
  purpose: 'again' | 'cancel',
): Promise<ReplacementPlan | undefined> {
  const signer = parts.signers.get(sent.signer);
  if (signer === undefined) throw new RangeError(`${sent.signer} does not sign for us here`);
  const transaction = decodeTransaction(sent.raw);
  const now = await parts.quoteFee();
  if (now === undefined || (purpose === 'again' && isDear(transaction.fee, now))) return undefined;
  const fee = outbid(transaction.fee, now);
  // Giving up costs little and frees all places behind it, so what waits at the limit must not prevent it.
  const limit = purpose === 'cancel' ? raised(parts.maxFeePerGasWei) : parts.maxFeePerGasWei;
  if (fee.maxFeePerGas > limit) return undefined;
  const nothing = { ...transaction, ...emptyTransaction(signer) };
  const plan = planTransaction(signer, { ...(purpose === 'again' ? transaction : nothing), fee });
  if (plan.maximumFee > (await parts.node.balance(signer.address))) return undefined;
  const offered = transaction.gasLimit * transaction.fee.maxFeePerGas;
  return { ...plan, addedFee: larger(plan.maximumFee - offered, 0n) };
}

/** Enough for a node to let go of what it has, and enough to be mined now. */
function outbid(offered: FeeQuote, now: FeeQuote): FeeQuote {
  const maxPriorityFeePerGas = larger(raised(offered.maxPriorityFeePerGas), now.maxPriorityFeePerGas);
  const maxFeePerGas = larger(raised(offered.maxFeePerGas), now.maxFeePerGas);
  return { maxPriorityFeePerGas, maxFeePerGas: larger(maxFeePerGas, maxPriorityFeePerGas) };
}

function isDear(offered: FeeQuote, now: FeeQuote): boolean {
  return (
    offered.maxFeePerGas >= dearest * now.maxFeePerGas &&
    offered.maxPriorityFeePerGas >= dearest * now.maxPriorityFeePerGas
  );
}

/** Nodes ask for a tenth more of both fees; an eighth leaves room for how they round. */
const raised = (fee: bigint) => (fee * 9n) / 8n + 1n;

const larger = (one: bigint, other: bigint) => (one > other ? one : other);

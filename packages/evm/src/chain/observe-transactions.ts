import type { Observation, SubmittedTransaction } from '@tollkeeper/protocol';
import type { EvmNode, Receipt } from '../rpc/evm-node.js';
import { findPreemptedTransfer } from './preempted-transfer.js';
import { ordinalOfTransfer } from './transfer-log.js';

interface Parts {
  readonly node: EvmNode;
  readonly confirmations: number;
}

const pending: Observation = { state: 'pending' };

/** What the chain says of each transaction, in the order given. */
export async function observeTransactions(
  parts: Parts,
  submitted: readonly SubmittedTransaction[],
): Promise<readonly Observation[]> {
  const receipts = await readReceipts(parts.node, submitted);
  if (receipts.every((receipt) => receipt === undefined)) return submitted.map(() => pending);
  const isConfirmed = await confirmedBlocks(parts, receipts);
  return Promise.all(
    submitted.map(async (transaction, index) => {
      const receipt = receipts[index];
      if (receipt === undefined || !isConfirmed(receipt)) return pending;
      return receipt.succeeded ? outcomeOf(transaction, receipt) : outcomeOfRevert(parts.node, transaction, receipt);
    }),
  );
}

/** Requests to one node at a time: enough to hide the way there, few enough not to be throttled. */
const parallelRequests = 16;

async function readReceipts(
  node: EvmNode,
  submitted: readonly SubmittedTransaction[],
): Promise<(Receipt | undefined)[]> {
  const receipts: (Receipt | undefined)[] = [];
  for (let start = 0; start < submitted.length; start += parallelRequests) {
    const part = submitted.slice(start, start + parallelRequests);
    receipts.push(...(await Promise.all(part.map((transaction) => node.receipt(transaction.id)))));
  }
  return receipts;
}

/**
 * Tells which receipts count: their block is still the chain's own at that height, and deep enough. A node behind a load
 * balancer may serve a receipt of a block that another one has never seen or has dropped.
 */
async function confirmedBlocks(
  { node, confirmations }: Parts,
  receipts: readonly (Receipt | undefined)[],
): Promise<(receipt: Receipt) => boolean> {
  const latest = await node.block('latest');
  const highest = latest === undefined ? -1n : latest.number - BigInt(confirmations - 1);
  const numbers = new Set(receipts.flatMap((receipt) => (receipt === undefined ? [] : [receipt.block.number])));
  const deep = [...numbers].filter((number) => number <= highest);
  const headers = await Promise.all(
    deep.map(async (number) => (number === latest?.number ? latest : node.block(number))),
  );
  const canonical = new Set(headers.map((header) => header?.hash));
  return (receipt) => receipt.block.number <= highest && canonical.has(receipt.block.hash);
}

/** A revert does not say that the payer has not paid: the same authorization may have moved the money before. */
async function outcomeOfRevert(
  node: EvmNode,
  transaction: SubmittedTransaction,
  { block, feePaid }: Receipt,
): Promise<Observation> {
  const effect = await findPreemptedTransfer(node, transaction, block.number);
  if (effect !== undefined) return { state: 'transferred', effect, feePaid };
  const detail = 'The transaction reverted on chain';
  return { state: 'failed', rejection: { reason: 'invalid_exact_evm_transaction_failed', detail }, block, feePaid };
}

function outcomeOf(transaction: SubmittedTransaction, receipt: Receipt): Observation {
  const { block, feePaid } = receipt;
  const { expected } = transaction;
  const ordinal = ordinalOfTransfer(receipt.logs, expected);
  if (ordinal === undefined) {
    const detail = 'The transaction succeeded without the exact Transfer log of the token';
    const reason = 'invalid_exact_evm_transfer_event_mismatch';
    return { state: 'failed', rejection: { reason, detail }, block, feePaid };
  }
  const effect = {
    transaction: transaction.id,
    position: ordinal.toString(),
    asset: expected.asset,
    from: expected.payer,
    to: expected.payTo,
    amount: expected.amount,
    block,
  };
  return { state: 'transferred', effect, feePaid };
}

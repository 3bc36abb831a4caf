import type { Observation, Rejection, ObservedTransaction } from '@tollkeeper/protocol';
import type { SvmCommitment } from '../limits.js';
import { describeTransactionError } from '../rpc/rpc-error.js';
import type { SignatureStatus, SolanaRpc } from '../rpc/solana-rpc.js';
import { searchExpired } from './expired-transactions.js';
import type { HistoryParts } from './search-history.js';
import { readStatuses } from './signature-statuses.js';
import { blockOf, findTransfer, namesBalances } from './transfer-evidence.js';

/** How many transactions are read from the node at the same time. */
const readsAtOnce = 32;

const pending: Observation = { state: 'pending' };
const expired: Observation = {
  state: 'expired',
  rejection: {
    reason: 'invalid_exact_svm_transaction_failed',
    detail: 'The blockhash expired before the chain took the transaction',
  },
};

/** Looks for the evidence of each transaction, in the order given: one status call for all, details of those that landed. */
export async function observeTransactions(
  parts: HistoryParts & { readonly commitment: SvmCommitment },
  submitted: readonly ObservedTransaction[],
): Promise<readonly Observation[]> {
  const { rpc } = parts;
  if (submitted.length === 0) return [];
  const ids = submitted.map(({ id }) => id);
  const recent = await readStatuses(rpc, ids, { history: false });
  const older = await searchExpired(
    parts,
    submitted.filter(({ id }) => !recent.has(id)),
  );

  const observeOne = async (transaction: ObservedTransaction): Promise<Observation> => {
    if (older.absent.has(transaction.id)) return expired;
    const status = recent.get(transaction.id) ?? older.found.get(transaction.id);
    return status !== undefined && isConfirmed(status, parts.commitment) ? readOutcome(rpc, transaction) : pending;
  };
  const observations: Observation[] = [];
  for (let start = 0; start < submitted.length; start += readsAtOnce) {
    observations.push(...(await Promise.all(submitted.slice(start, start + readsAtOnce).map(observeOne))));
  }
  return observations;
}

function isConfirmed({ level }: SignatureStatus, commitment: SvmCommitment): boolean {
  return level === 'finalized' || level === commitment;
}

async function readOutcome(rpc: SolanaRpc, submitted: ObservedTransaction): Promise<Observation> {
  const landed = await rpc.transaction(submitted.id);
  // The status may be known a moment before the transaction can be read.
  if (landed === null) return pending;
  // Without an error the transfer was carried out; where to is left open.
  if (landed.error === null && !namesBalances(landed)) return pending;
  const effect = landed.error === null ? findTransfer(submitted, landed) : undefined;
  if (effect !== undefined) return { state: 'transferred', effect, feePaid: landed.fee };
  const detail = landed.error === null ? 'It moved other money than expected' : describeTransactionError(landed.error);
  return { state: 'failed', rejection: failed(detail), block: blockOf(landed), feePaid: landed.fee };
}

function failed(detail: string): Rejection {
  return { reason: 'invalid_exact_svm_transaction_failed', detail };
}

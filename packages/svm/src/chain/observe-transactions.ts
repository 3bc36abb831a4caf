import type { Observation, Rejection, ObservedTransaction } from '@tollkeeper/protocol';
import type { SvmCommitment } from '../limits.js';
import { describeTransactionError } from '../rpc/rpc-error.js';
import type { SolanaRpc } from '../rpc/solana-rpc.js';
import { searchExpired } from './expired-transactions.js';
import type { FindOlder } from './search-beside.js';
import type { HistoryParts } from './search-history.js';
import { readStatuses, type Statuses } from './signature-statuses.js';
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

interface EvidenceParts {
  readonly rpc: SolanaRpc;
  readonly commitment: SvmCommitment;
}

/** Looks for the evidence of each transaction, in the order given: one status call for all, details of those that landed. */
export async function observeTransactions(
  parts: EvidenceParts & { readonly findOlder: FindOlder },
  submitted: readonly ObservedTransaction[],
): Promise<readonly Observation[]> {
  if (submitted.length === 0) return [];
  const recent = await parts.rpc.onOneEndpoint(async (rpc) => {
    const ids = submitted.map(({ id }) => id);
    return readOutcomes({ ...parts, rpc }, submitted, await readStatuses(rpc, ids, { history: false }));
  });
  const missing = submitted.filter((_, index) => recent[index] === undefined);
  const older = missing.length === 0 ? undefined : await parts.findOlder(missing);
  return submitted.map(({ id }, index) => recent[index] ?? older?.get(id) ?? pending);
}

/** What the history tells of transactions that no later block can hold, by id. All of it is asked of one node. */
export async function observeOlder(
  parts: EvidenceParts & HistoryParts,
  missing: readonly ObservedTransaction[],
): Promise<ReadonlyMap<string, Observation>> {
  const { found, absent } = await searchExpired(parts, missing);
  const outcomes = await readOutcomes(parts, missing, found);
  return new Map(
    missing.flatMap(({ id }, index): readonly (readonly [string, Observation])[] => {
      const observation = absent.has(id) ? expired : outcomes[index];
      return observation === undefined ? [] : [[id, observation]];
    }),
  );
}

/** What became of those that have a status, in the order given. */
async function readOutcomes(
  { rpc, commitment }: EvidenceParts,
  transactions: readonly ObservedTransaction[],
  statuses: Statuses,
): Promise<readonly (Observation | undefined)[]> {
  const readOne = async (transaction: ObservedTransaction): Promise<Observation | undefined> => {
    const level = statuses.get(transaction.id)?.level;
    if (level === undefined) return undefined;
    return level === 'finalized' || level === commitment ? readOutcome(rpc, transaction) : pending;
  };
  const outcomes: (Observation | undefined)[] = [];
  for (let start = 0; start < transactions.length; start += readsAtOnce) {
    outcomes.push(...(await Promise.all(transactions.slice(start, start + readsAtOnce).map(readOne))));
  }
  return outcomes;
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

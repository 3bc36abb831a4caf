import type {
  Chain,
  Clock,
  FaultFacts,
  Network,
  Observation,
  Rejection,
  ObservedTransaction,
} from '@tollkeeper/protocol';
import type { Receipt } from '../rpc/evidence-methods.js';
import type { EvmNode } from '../rpc/evm-node.js';
import type { FindForeignTransfers } from './foreign-transfers.js';
import { type Legs, readLegs } from './shared-legs.js';
import { createTransactionTracking } from './track-transactions.js';
import { createSearchBeside, findAllOf, type Wanted } from './search-beside.js';
import { effectOf, indexTransferLogs, type TransferLogs } from './transfer-log.js';
import { createTurns } from './turns.js';

interface Parts {
  readonly network: Network;
  readonly node: EvmNode;
  readonly clock: Clock;
  readonly confirmations: number;
  readonly findForeignTransfers: FindForeignTransfers;
  readonly onWarning: (message: string, facts?: FaultFacts) => void;
}

/** What a confirmed transaction of ours did, and how it was made; both are read when they are first needed. */
interface Evidence {
  readonly receipt: Receipt;
  readonly logs: () => TransferLogs;
  readonly legs: () => Legs;
}

type FindWanted = ReturnType<typeof createSearchBeside>;

/** A transfer that our transaction did not carry out. */
interface Missed {
  readonly state: 'missed';
  readonly receipt: Receipt;
  readonly rejection: Rejection;
}

/** Observes transactions: one look at a time for all who ask, and each transaction once, however many transfers it carries. */
export function createObservation(parts: Parts): Chain['observe'] {
  const track = createTransactionTracking(parts);
  const inTurn = createTurns();
  const findAtOnce: FindWanted = (wanted) => findAllOf({ find: parts.findForeignTransfers }, wanted);
  const findBeside = createSearchBeside({
    find: parts.findForeignTransfers,
    onFailure: (trouble) => {
      parts.onWarning(searchFailed, { network: parts.network, trouble });
    },
  });

  return async (submitted, { isHasty = false } = {}) => {
    if (submitted.length === 0) return [];
    const ids = [...new Set(submitted.map(({ id }) => id))];
    const tracked = await inTurn(() => parts.node.onOneEndpoint((node) => track(node, ids)));
    const evidence = new Map<string, Evidence>();
    const outcomes = submitted.map((transaction): Observation | Missed => {
      const { id, raw } = transaction;
      const found = tracked.get(id);
      if (found?.confirmed !== true) return found?.inBlock === true ? { state: 'pending', inBlock: true } : pending;
      const known = evidence.get(id) ?? evidenceOf(found.receipt, raw);
      evidence.set(id, known);
      return outcomeOf(transaction, known);
    });
    return judgeMissed(isHasty ? findBeside : findAtOnce, submitted, outcomes);
  };
}

const pending: Observation = { state: 'pending' };

const searchFailed = 'Whether somebody else has carried payments out could not be found out; it is tried again';

function evidenceOf(receipt: Receipt, raw: Uint8Array): Evidence {
  return {
    receipt,
    logs: once(() => indexTransferLogs(receipt.logs)),
    legs: once(() => readLegs({ raw })),
  };
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

function outcomeOf({ id, expected }: ObservedTransaction, { receipt, logs, legs }: Evidence): Observation | Missed {
  if (expected === undefined)
    return { state: 'failed', rejection: idle, block: receipt.block, feePaid: receipt.feePaid };
  if (!receipt.succeeded) return { state: 'missed', receipt, rejection: failed('The transaction reverted on chain') };
  const { block, feePaid } = receipt;
  const log = logs().find(expected, () => legs().placeAmongEqual(expected));
  if (log.found) {
    const effect = effectOf(expected, { transaction: id, ordinal: log.ordinal, receipt });
    return { state: 'transferred', effect, feePaid };
  }
  if (legs().areNone) return { state: 'missed', receipt, rejection: expired };
  // Not every token reverts where somebody else was faster.
  if (!log.isUsed) return { state: 'missed', receipt, rejection: legs().areShared ? failedInCompany : mismatch };
  return { state: 'failed', rejection: mismatch, block, feePaid };
}

/** A failure of ours does not say that the payer has not paid: the same authorization may have moved the money before. */
async function judgeMissed(
  find: FindWanted,
  submitted: readonly ObservedTransaction[],
  outcomes: readonly (Observation | Missed)[],
): Promise<readonly Observation[]> {
  const missed = submitted.flatMap(({ expected }, index): readonly (Wanted & { readonly index: number })[] => {
    const outcome = outcomes[index];
    if (outcome?.state !== 'missed' || expected === undefined) return [];
    return [{ claim: expected, block: outcome.receipt.block, index }];
  });
  const effects = await find(missed);
  const effectOfMissed = new Map(missed.map(({ index }, place) => [index, effects[place]]));
  return outcomes.map((outcome, index): Observation => {
    if (outcome.state !== 'missed') return outcome;
    const { block, feePaid } = outcome.receipt;
    const effect = effectOfMissed.get(index);
    // A use is known or looked for, and what it moved is not known: that is no failure yet.
    if (effect === 'unclear') return { state: 'pending', inBlock: true };
    if (effect !== undefined) return { state: 'transferred', effect, feePaid };
    return { state: 'failed', rejection: outcome.rejection, block, feePaid };
  });
}

function failed(detail: string): Rejection {
  return { reason: 'invalid_exact_evm_transaction_failed', detail };
}

const failedInCompany = failed('The transfer failed within a transaction that it shared');

const mismatch: Rejection = {
  reason: 'invalid_exact_evm_transfer_event_mismatch',
  detail: 'The transaction succeeded without the exact Transfer log of the token',
};

/** A transaction that fills a place moves no money, whatever becomes of it. */
const idle = failed('The transaction was made to do nothing');

/** A place is given up when the authorizations that were to be carried out there have expired, and only then. */
const expired: Rejection = {
  reason: 'invalid_exact_evm_payload_authorization_valid_before',
  detail: 'The authorization expired before a block took its transaction',
};

import type { Database } from '@tollkeeper/database';
import type { Chain, Observation, OnChainEffect, SubmittedTransaction } from '@tollkeeper/protocol';
import type { Logger } from '../../logging/logger.js';
import {
  claimedTransferOf,
  type ClaimedTransferRow,
  findAttempts,
  type SentTransaction,
} from '../chain-transactions.js';
import { observeApart } from '../observe-apart.js';
import type { RecordedEffect } from './recorded-effect.js';

/** What became of an effect whose block the chain no longer has. */
export type Pursuit =
  /** The money moved in another block, by whichever transaction. */
  | { readonly state: 'found'; readonly at: OnChainEffect }
  /** It did not move, and these bytes may still move it. */
  | { readonly state: 'missing'; readonly resend: readonly SentTransaction[] }
  /** It did not move, and no block can hold it any more. */
  | { readonly state: 'lost' };

/**
 * Looks for the transfer of each effect in every transaction that was signed for its payment, in the order given; undefined
 * where the node does not tell. What is final without the transfer, or can no longer be included, is out. Where we signed none,
 * because somebody else was faster, the authorization itself is looked for.
 */
export async function pursueEffects(
  parts: { readonly database: Database; readonly chain: Chain; readonly log: Logger },
  effects: readonly RecordedEffect[],
): Promise<readonly (Pursuit | undefined)[]> {
  const wanted = new Set(effects.flatMap(({ paymentId }) => paymentId ?? []));
  const attempts = (await findAttempts(parts.database, [...wanted])).flatMap((sent) => attemptsIn(sent, wanted));
  const observations = await observeApart(
    parts,
    attempts.map(({ transfer }) => transfer),
  );
  const carried = new Set(attempts.map(({ paymentId }) => paymentId));
  const foreign = await pursueForeign(
    parts,
    [...wanted].filter((id) => !carried.has(id)),
  );
  const isOut = await findFinalFailures(parts.chain, attempts, observations);
  const seen = attempts.map((attempt, index) => ({
    ...attempt,
    observation: observations[index],
    isOut: isOut[index],
  }));
  return effects.map(({ paymentId }): Pursuit | undefined => {
    const elsewhere = foreign.get(paymentId ?? '');
    if (elsewhere !== undefined) return elsewhere;
    const own = seen.filter((each) => each.paymentId === paymentId);
    const found = own.flatMap(({ observation }) => (observation?.state === 'transferred' ? observation.effect : []));
    if (found[0] !== undefined) return { state: 'found', at: found[0] };
    if (own.some(({ observation }) => observation === undefined)) return undefined;
    if (own.length > 0 && own.every((each) => each.isOut)) return { state: 'lost' };
    return {
      state: 'missing',
      resend: own.filter(({ observation }) => observation?.state === 'pending').map(({ sent }) => sent),
    };
  });
}

/** What became of transfers for which we signed nothing, by payment. */
async function pursueForeign(
  { database, chain }: { readonly database: Database; readonly chain: Chain },
  paymentIds: readonly string[],
): Promise<ReadonlyMap<string, Pursuit>> {
  if (paymentIds.length === 0) return new Map();
  const rows = await database.sql<ClaimedTransferRow & { readonly id: string; readonly validBefore: bigint | null }>`
    SELECT id, claim_key AS "claimKey", network, token, amount, payer, pay_to AS "payTo", claimed_at_block AS "claimedAtBlock",
      valid_before AS "validBefore"
    FROM payment WHERE id = ANY(${paymentIds}::uuid[])`;
  const effects = await chain.findForeignTransfers(rows.map(claimedTransferOf));
  const pursuits = new Map<string, Pursuit>();
  for (const [index, row] of rows.entries()) {
    const { id, validBefore } = row;
    const at = effects[index];
    const isVoid =
      at === undefined &&
      validBefore !== null &&
      (await chain.isVoid?.({ ...claimedTransferOf(row), validBefore })) === true;
    pursuits.set(id, at !== undefined ? { state: 'found', at } : isVoid ? { state: 'lost' } : nothingToResend);
  }
  return pursuits;
}

const nothingToResend: Pursuit = { state: 'missing', resend: [] };

/** A transaction as it concerns one payment. */
interface Attempt {
  readonly paymentId: string;
  readonly sent: SentTransaction;
  readonly transfer: SubmittedTransaction;
}

function attemptsIn(sent: SentTransaction, wanted: ReadonlySet<string>): readonly Attempt[] {
  return sent.legs
    .filter(({ paymentId }) => wanted.has(paymentId))
    .map(({ paymentId, expected }) => ({ paymentId, sent, transfer: { ...sent, expected } }));
}

/**
 * Which transactions cannot move the money any more: too old to be included, in a final block without the transfer, or in the
 * place of one that is.
 */
async function findFinalFailures(
  chain: Chain,
  attempts: readonly Attempt[],
  observations: readonly (Observation | undefined)[],
): Promise<readonly boolean[]> {
  const failures = attempts.flatMap(({ sent }, index) => {
    const observation = observations[index];
    return observation?.state === 'failed' ? [{ transaction: sent.id, block: observation.block }] : [];
  });
  const verdicts = await chain.finality(failures);
  const isFinal = new Set(failures.filter((_, index) => verdicts[index] === 'final').map((each) => each.transaction));
  const taken = new Set(attempts.filter(({ sent }) => isFinal.has(sent.id)).map(({ sent }) => placeOf(sent)));
  return attempts.map(({ sent }, index) => observations[index]?.state === 'expired' || taken.has(placeOf(sent)));
}

/** What only one transaction can have. */
function placeOf({ id, signer, accountNonce }: SentTransaction): string {
  return accountNonce === undefined ? id : `${signer} ${accountNonce}`;
}

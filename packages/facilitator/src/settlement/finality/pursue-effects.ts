import type { Database } from '@tollkeeper/database';
import type { Chain, Observation, OnChainEffect } from '@tollkeeper/protocol';
import type { TransactionInFlight } from '../chain-transactions.js';
import { findAttempts } from './find-attempts.js';
import type { RecordedEffect } from './recorded-effect.js';

/** What became of an effect whose block the chain no longer has. */
export type Pursuit =
  /** The money moved in another block, by whichever transaction. */
  | { readonly state: 'found'; readonly at: OnChainEffect }
  /** It did not move, and these bytes may still move it. */
  | { readonly state: 'missing'; readonly resend: readonly TransactionInFlight[] }
  /** It did not move, and no block can hold it any more. */
  | { readonly state: 'lost' };

/**
 * Looks for the transfer of each effect in every transaction that was signed for its payment, in the order given. What is
 * final without the transfer, or can no longer be included, is out.
 */
export async function pursueEffects(
  parts: { readonly database: Database; readonly chain: Chain },
  effects: readonly RecordedEffect[],
): Promise<readonly Pursuit[]> {
  const attempts = await findAttempts(
    parts.database,
    effects.flatMap(({ paymentId }) => paymentId ?? []),
  );
  const observations = await parts.chain.observe(attempts);
  const isOut = await findFinalFailures(parts.chain, attempts, observations);
  const seen = attempts.map((attempt, index) => ({ attempt, observation: observations[index], isOut: isOut[index] }));
  return effects.map(({ paymentId }): Pursuit => {
    const own = seen.filter(({ attempt }) => attempt.paymentId === paymentId);
    const found = own.flatMap(({ observation }) => (observation?.state === 'transferred' ? observation.effect : []));
    if (found[0] !== undefined) return { state: 'found', at: found[0] };
    if (own.length > 0 && own.every((each) => each.isOut)) return { state: 'lost' };
    return {
      state: 'missing',
      resend: own.filter(({ observation }) => observation?.state === 'pending').map(({ attempt }) => attempt),
    };
  });
}

/** Which transactions cannot move the money any more: too old to be included, or in a final block without the transfer. */
async function findFinalFailures(
  chain: Chain,
  attempts: readonly TransactionInFlight[],
  observations: readonly Observation[],
): Promise<readonly boolean[]> {
  const failures = attempts.flatMap(({ id }, index) => {
    const observation = observations[index];
    return observation?.state === 'failed' ? [{ transaction: id, block: observation.block }] : [];
  });
  const verdicts = await chain.finality(failures);
  const isFinal = new Set(failures.filter((_, index) => verdicts[index] === 'final').map((each) => each.transaction));
  return attempts.map(({ id }, index) => observations[index]?.state === 'expired' || isFinal.has(id));
}

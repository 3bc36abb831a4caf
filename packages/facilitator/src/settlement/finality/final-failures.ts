import type { Chain, Observation, SubmittedTransaction } from '@tollkeeper/protocol';
import type { SentTransaction } from '../chain-transactions.js';

/** A transaction of ours as it concerns one payment. */
export interface Attempt {
  readonly paymentId: string;
  readonly sent: SentTransaction;
  readonly transfer: SubmittedTransaction;
  /** It was known before that it cannot move the money any more. */
  readonly hasFailed: boolean;
}

/**
 * Which attempts cannot move the money any more: too old to be included, in a final block without the transfer, or in the place
 * of one that is.
 */
export async function findFinalFailures(
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
  return attempts.map(
    ({ sent, hasFailed }, index) => hasFailed || observations[index]?.state === 'expired' || taken.has(placeOf(sent)),
  );
}

/** What only one transaction can have. */
function placeOf({ id, signer, accountNonce }: SentTransaction): string {
  return accountNonce === undefined ? id : `${signer} ${accountNonce}`;
}

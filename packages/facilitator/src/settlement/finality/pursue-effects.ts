import type { Database } from '@tollkeeper/database';
import type { Chain, Observation, OnChainEffect } from '@tollkeeper/protocol';
import type { Logger } from '../../logging/logger.js';
import { findAttempts, type SentTransaction } from '../chain-transactions.js';
import { observeApart } from '../observe-apart.js';
import { findFinalFailures, type Attempt } from './final-failures.js';
import { pursueAuthorizations, type AuthorizationPursuit } from './pursue-authorizations.js';
import type { RecordedEffect } from './recorded-effect.js';

/** What became of an effect whose block the chain no longer has. */
export type Pursuit =
  /** The money moved in another block, by whichever transaction. */
  | { readonly state: 'found'; readonly at: OnChainEffect }
  /** It did not move. These bytes of ours may still move it, and those were found to have failed for good. */
  | {
      readonly state: 'missing';
      readonly resend: readonly SentTransaction[];
      readonly failed: readonly SentTransaction[];
    }
  /** It did not move, and no block can hold it any more. */
  | { readonly state: 'lost' };

/**
 * Looks for the transfer of each effect in every transaction that was signed for its payment, in the order given; undefined
 * where the node does not tell. Where none of these can move the money any more, or there are none because somebody else was
 * faster, the authorization itself is looked for: as long as it holds, the payment is not lost.
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
  const isOut = await findFinalFailures(parts.chain, attempts, observations);
  const seen = attempts.map((attempt, index): SeenAttempt => {
    return { ...attempt, observation: observations[index], isOut: isOut[index] === true };
  });
  const ofPayments = new Map([...wanted].map((id) => [id, seen.filter(({ paymentId }) => paymentId === id)]));
  const given = [...ofPayments].filter(([, own]) => isGivenUp(own)).map(([id]) => id);
  const authorizations = await tryToPursue(parts, given);
  return effects.map(({ paymentId }) => {
    if (paymentId === null) return nothingKnown;
    const own = ofPayments.get(paymentId) ?? [];
    return isGivenUp(own) ? ofAuthorization(authorizations.get(paymentId), own) : ofAttempts(own);
  });
}

const nothingKnown: Pursuit = { state: 'missing', resend: [], failed: [] };

interface SeenAttempt extends Attempt {
  readonly observation: Observation | undefined;
  readonly isOut: boolean;
}

/** A transaction that the node does not tell about may have moved it all the same. */
function isGivenUp(own: readonly SeenAttempt[]): boolean {
  return own.every(
    ({ isOut, observation }) => isOut && observation !== undefined && observation.state !== 'transferred',
  );
}

function ofAttempts(own: readonly SeenAttempt[]): Pursuit | undefined {
  const [at] = own.flatMap(({ observation }) => (observation?.state === 'transferred' ? observation.effect : []));
  if (at !== undefined) return { state: 'found', at };
  if (own.some(({ observation }) => observation === undefined)) return undefined;
  const open = own.filter(({ observation, isOut }) => observation?.state === 'pending' && !isOut);
  return { state: 'missing', resend: open.map(({ sent }) => sent), failed: newlyFailed(own) };
}

function ofAuthorization(pursuit: AuthorizationPursuit | undefined, own: readonly SeenAttempt[]): Pursuit | undefined {
  switch (pursuit?.state) {
    case undefined:
      return undefined;
    case 'found':
      return pursuit;
    case 'open':
      return { state: 'missing', resend: [], failed: newlyFailed(own) };
    case 'void':
      return { state: 'lost' };
  }
}

function newlyFailed(own: readonly SeenAttempt[]): readonly SentTransaction[] {
  return own.filter(({ isOut, hasFailed }) => isOut && !hasFailed).map(({ sent }) => sent);
}

/** Trouble with these must not hold up the others. */
async function tryToPursue(
  parts: { readonly database: Database; readonly chain: Chain; readonly log: Logger },
  paymentIds: readonly string[],
): Promise<ReadonlyMap<string, AuthorizationPursuit>> {
  try {
    return await pursueAuthorizations(parts, paymentIds);
  } catch (error) {
    const { network } = parts.chain;
    parts.log.warn({ err: error, network }, 'authorizations could not be looked for; it is tried again');
    return new Map();
  }
}

function attemptsIn(sent: SentTransaction, wanted: ReadonlySet<string>): readonly Attempt[] {
  return sent.legs
    .filter(({ paymentId }) => wanted.has(paymentId))
    .map(({ paymentId, expected, hasFailed }) => {
      return { paymentId, sent, transfer: { ...sent, expected }, hasFailed: hasFailed === true };
    });
}

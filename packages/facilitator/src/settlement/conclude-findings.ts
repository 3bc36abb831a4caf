import { isFault, type Chain, type Observation } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { Leg, SentTransaction } from './chain-transactions.js';
import type { Closing } from './close-transactions.js';
import type { Settled } from './settle-legs.js';

/** A transaction that is followed, and its payments that are booked. */
export interface Followed {
  readonly sent: SentTransaction;
  readonly settled: Set<string>;
}

/** What the chain says of one payment of a transaction, or of one that carries none; undefined where it does not tell. */
export interface Finding {
  readonly leg: Leg | undefined;
  readonly observation: Observation | undefined;
}

export interface ConcludingParts {
  readonly chain: Chain;
  /** Books a payment whose money moved. */
  readonly settle: (settled: Settled) => Promise<void>;
  /** Closes transactions of which all is known; answers those that need not be followed any more. */
  readonly close: (closings: readonly Closing[]) => Promise<readonly string[]>;
  readonly log: Logger;
}

/** Books what moved, and closes the transactions of which all is known. Never throws: what fails is tried again. */
export function createConcluding(parts: ConcludingParts) {
  const { log } = parts;

  return async function conclude<Entry extends Followed>(
    found: ReadonlyMap<Entry, readonly Finding[]>,
  ): Promise<{ readonly over: readonly string[]; readonly open: readonly Entry[] }> {
    const entries = [...found];
    const isKnown = await Promise.all(entries.map(([entry, findings]) => settleAll(entry, findings)));
    const closings = entries
      .filter((_, index) => isKnown[index])
      .map(([{ sent }, findings]) => closingOf(sent, findings));
    return {
      over: closings.length === 0 ? [] : await close(closings),
      open: entries.filter((_, index) => isKnown[index] !== true).map(([entry]) => entry),
    };
  };

  /** Whether enough is known of every payment of the transaction. */
  async function settleAll(followed: Followed, findings: readonly Finding[]): Promise<boolean> {
    const known = await Promise.all(findings.map((finding) => settle(followed, finding)));
    return known.length > 0 && !known.includes(false);
  }

  /** What cannot be booked must not hold up the others. */
  async function settle({ sent, settled }: Followed, { leg, observation }: Finding): Promise<boolean> {
    if (observation === undefined || observation.state === 'pending') return false;
    if (leg === undefined || observation.state !== 'transferred') return true;
    const { paymentId } = leg;
    if (settled.has(paymentId)) return true;
    try {
      await parts.settle({ paymentId, effect: observation.effect });
      settled.add(paymentId);
      return true;
    } catch (error) {
      log.error(
        { err: error, paymentId, transaction: sent.id },
        'settlement could not be concluded; it is tried again',
      );
      return false;
    }
  }

  async function close(closings: readonly Closing[]): Promise<readonly string[]> {
    try {
      return await parts.close(closings);
    } catch (error) {
      // Trouble with one of them must not hold up the others; without the database it is that of all.
      if (closings.length > 1 && !isFault(error, 'DATABASE_UNAVAILABLE')) {
        const over: string[] = [];
        for (const closing of closings) over.push(...(await close([closing])));
        return over;
      }
      // Closing again, in the next look, changes nothing that was done.
      const { network } = parts.chain;
      log.error({ err: error, network }, 'transactions could not be closed; it is tried again');
      return [];
    }
  }
}

function closingOf(sent: SentTransaction, findings: readonly Finding[]): Closing {
  const failures = new Map(
    findings.flatMap(({ leg, observation }) =>
      leg !== undefined && observation !== undefined && 'rejection' in observation
        ? [[leg.paymentId, observation.rejection] as const]
        : [],
    ),
  );
  const [feePaid] = findings.flatMap(({ observation }) =>
    observation !== undefined && 'feePaid' in observation ? [observation.feePaid] : [],
  );
  return feePaid === undefined ? { sent, state: 'expired', failures } : { sent, state: 'included', failures, feePaid };
}

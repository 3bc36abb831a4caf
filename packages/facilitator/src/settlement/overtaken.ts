import { setTimeout as sleep } from 'node:timers/promises';
import type { AuthorizationUse, Chain } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { PaymentStore } from './payment-store.js';
import type { Overtaking } from './queued-payments.js';
import type { Submission } from './ready-payment.js';
import type { Settled } from './settle-legs.js';
import type { ClaimedPayment } from './submit.js';

/** Where nodes disagree whether an authorization is used, they are asked so often, with a pause in between. */
const disagreementsMax = 5;
const disagreementPauseMs = 200;

/**
 * Settles a claimed payment whose authorization was found used, where somebody else carried it out after our claim: the money
 * moved, so that transaction is its end. A use before the claim is none of ours: it may have been sold elsewhere.
 */
export function createOvertaken(parts: {
  readonly chain: Chain;
  readonly store: PaymentStore;
  readonly settle: (settled: Settled) => Promise<void>;
  readonly log: Logger;
}) {
  const { chain, store, log } = parts;

  /**
   * @param claimedAtBlock the height of the chain as it was read under the claim: what happened up to it may have happened before.
   * Where a claim was taken over from a dead process that kept the height to itself, the clock of the use's block decides.
   * @returns undefined where the refusal stands.
   */
  return async function findOvertaking(
    { paymentId, payment, isWithdrawn, isTakenOver }: ClaimedPayment,
    claimedAtBlock: bigint | undefined,
  ): Promise<Submission | 'stale' | undefined> {
    if (claimedAtBlock === undefined && isTakenOver !== true) return undefined;
    const isHeightKnown = claimedAtBlock !== undefined;
    const claim = { ...payment.authorization, ...(isHeightKnown && { unusedAtBlock: claimedAtBlock }) };
    let use = await chain.findUse?.(claim);
    for (let asked = 1; use?.state === 'unused' && asked < disagreementsMax && !isWithdrawn(); asked += 1) {
      await sleep(disagreementPauseMs);
      use = await chain.findUse?.(claim);
    }
    if (use?.state === 'unused') return 'stale';
    if (use?.state !== 'transferred') return undefined;
    const before = claimedAtBlock ?? use.effect.block.number - 1n;
    if (use.effect.block.number <= before) return undefined;
    return follow(paymentId, { use, claimedAtBlock: before, isHeightKnown });
  };

  async function follow(
    paymentId: string,
    { use, ...claim }: { readonly use: Transferred } & Pick<Overtaking, 'claimedAtBlock' | 'isHeightKnown'>,
  ): Promise<Submission | undefined> {
    const { effect, isConfirmed, atSeconds } = use;
    const { transaction } = effect;
    if (!(await store.markOvertaken(paymentId, { transaction, atSeconds, ...claim }))) return undefined;
    log.warn({ paymentId, transaction }, 'a claimed payment was carried out by somebody else');
    // Whoever takes it up in a moment looks again, also when this process dies here.
    if (isConfirmed) await parts.settle({ paymentId, effect });
    return { kind: 'overtaken' };
  }
}

type Transferred = Extract<AuthorizationUse, { readonly state: 'transferred' }>;

import type { Network } from '@tollkeeper/protocol';
import type { Logger } from '../../logging/logger.js';
import type { RecordedEffect } from './recorded-effect.js';

/** What may happen to an effect after it was recorded. */
export type FinalityChange = 'final' | 'reversed' | 'moved' | 'included_again' | 'lost';

export type OnFinalityChange = (changes: {
  readonly network: Network;
  readonly change: FinalityChange;
  readonly count: number;
}) => void;

/** Counts and logs what happened to effects. */
export function createFinalityNews(parts: {
  readonly network: Network;
  readonly onChange: OnFinalityChange;
  readonly log: Logger;
}) {
  const { network, log } = parts;
  return (change: FinalityChange, effects: readonly RecordedEffect[]): void => {
    if (effects.length > 0) parts.onChange({ network, change, count: effects.length });
    for (const { paymentId, transaction } of effects) {
      log[levels[change]]({ network, paymentId, transaction }, sentences[change]);
    }
  };
}

const levels = { final: 'debug', reversed: 'warn', moved: 'info', included_again: 'warn', lost: 'error' } as const;

const sentences = {
  final: 'settled payment is final',
  reversed: 'a reorg dropped a settled payment: its credit is reversed and its transaction is sent again',
  moved: 'a reorg moved a settled payment to another block',
  included_again: 'a payment that a reorg had dropped is on chain and credited again',
  lost: 'a payment that a reorg dropped can no longer be included: its credit stays reversed',
} as const;

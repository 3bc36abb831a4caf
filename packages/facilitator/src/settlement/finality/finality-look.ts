import type { Database } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import type { Chain, Finality } from '@tollkeeper/protocol';
import type { Logger } from '../../logging/logger.js';
import { markLegsFailed, type SentTransaction } from '../chain-transactions.js';
import type { SettlementEvents } from '../settlement-events.js';
import { createEffectChanges } from './effect-changes.js';
import { createFinalityNews, type OnFinalityChange } from './finality-news.js';
import { pursueEffects, type Pursuit } from './pursue-effects.js';
import { createEffectReader, type RecordedEffect } from './recorded-effect.js';

/** How many blocks' effects, or how many effects, are worked on together. */
const blocksPerStep = 10;
const effectsPerStep = 100;

export interface FinalityLookParts {
  readonly chain: Chain;
  readonly database: Database;
  readonly ledger: Ledger;
  readonly onChange: OnFinalityChange;
  readonly events: Pick<SettlementEvents, 'onResend'>;
  readonly log: Logger;
}

export interface LookLimits {
  /** What was reversed before is left to another look. */
  readonly reversedWithinSeconds: number;
  readonly abort: AbortSignal;
}

/**
 * One look at the effects of a network that are not final: releases what is, takes back what a reorg dropped, sends it again,
 * and credits it again once it is back. Never throws: what fails is logged and left to the next look.
 */
export function createFinalityLook(parts: FinalityLookParts): (limits: LookLimits) => Promise<void> {
  const { chain, database, log } = parts;
  const { network } = chain;
  const read = createEffectReader(database, network);
  const changes = createEffectChanges(parts);
  const tell = createFinalityNews({ ...parts, network });

  return async function look({ reversedWithinSeconds, abort }) {
    const inSteps = createSteps(abort);
    await attempt(async () => {
      // What is reversed in this look is sought at once, so what was reversed before comes first.
      await inSteps(await read.reversed(reversedWithinSeconds), effectsPerStep, pursue);
      const blocks = await read.oneOfEachBlock();
      const verdicts = await chain.finality(blocks);
      const restless = blocks.filter((_, index) => isNews(verdicts[index]));
      await inSteps(restless, blocksPerStep, async (some) => {
        const { final, gone } = await judge(await read.inBlocks(some));
        await inSteps(final, effectsPerStep, release);
        await inSteps(gone, effectsPerStep, pursue);
      });
    });
  };

  async function judge(effects: readonly RecordedEffect[]) {
    const verdicts = await chain.finality(effects);
    const those = (verdict: Finality) => effects.filter((_, index) => verdicts[index] === verdict);
    return { final: those('final'), gone: those('gone') };
  }

  /** Together, or each alone where one of them spoils it for the others. */
  async function release(effects: readonly RecordedEffect[]): Promise<void> {
    try {
      tell('final', await changes.release(effects));
    } catch (error) {
      if (effects.length === 1) throw error;
      for (const effect of effects) await attempt(async () => tell('final', await changes.release([effect])));
    }
  }

  /** The blocks of these are gone, since this look or an earlier one. */
  async function pursue(effects: readonly RecordedEffect[]): Promise<void> {
    const pursuits = await pursueEffects(parts, effects);
    for (const [index, effect] of effects.entries()) {
      const pursuit = pursuits[index];
      if (pursuit !== undefined) await attempt(() => follow(effect, pursuit));
    }
  }

  async function follow(effect: RecordedEffect, pursuit: Pursuit): Promise<void> {
    if (pursuit.state === 'found') {
      const { at } = pursuit;
      if (effect.isReversed) tell('included_again', await changes.include({ effect, at }));
      else if (at.block.hash !== effect.block.hash) tell('moved', await changes.move({ effect, at }));
      return;
    }
    if (!effect.isReversed) tell('reversed', await changes.reverse([effect]));
    if (pursuit.state === 'lost') {
      tell('lost', await changes.lose({ ...effect, isReversed: true }));
      return;
    }
    for (const sent of pursuit.resend) await resend(parts, sent);
    await noteFailed(parts, effect, pursuit.failed);
  }

  /** Trouble with one thing must not hold up the others. */
  async function attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn({ err: error, network }, 'finality could not be followed; it is tried again');
    }
  }

  function createSteps(abort: AbortSignal) {
    return async <Item>(items: readonly Item[], size: number, work: (some: readonly Item[]) => Promise<void>) => {
      for (let start = 0; start < items.length && !abort.aborted; start += size) {
        await attempt(() => work(items.slice(start, start + size)));
      }
    };
  }
}

async function resend({ chain, events }: FinalityLookParts, sent: SentTransaction): Promise<void> {
  events.onResend({ network: chain.network });
  await chain.broadcast(sent);
}

/** Where none of ours is left that may carry the payment out, it is signed for again. */
async function noteFailed(
  { database, chain: { network } }: Pick<FinalityLookParts, 'database' | 'chain'>,
  { paymentId }: RecordedEffect,
  failed: readonly SentTransaction[],
): Promise<void> {
  if (paymentId === null) return;
  await markLegsFailed(database.sql, { network, legs: failed.map(({ id }) => ({ id, paymentId })) });
}

function isNews(verdict: Finality | undefined): boolean {
  return verdict === 'final' || verdict === 'gone';
}

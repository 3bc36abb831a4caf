import { setTimeout as sleep } from 'node:timers/promises';
import type { Chain } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { PaymentStore } from './payment-store.js';

/** The height of the chain after a claim; undefined where it is not known, or means nothing. */
export type ClaimHeight = Promise<bigint | undefined>;

/** In a crowd, heights are read so far apart: nobody waits for them, and they cost requests. */
const pauseMs = 25;

/**
 * Reads the height of the chain for all who claim at once, on chains where strangers can carry payments out. What they do up to
 * that height may be older than the claim.
 */
export function createClaimHeights(parts: {
  readonly chain: Chain;
  readonly store: PaymentStore;
  readonly log: Logger;
}) {
  const { chain, store, log } = parts;
  let coming: ClaimHeight | undefined;
  let lastStartMs = -Infinity;

  return { read, note };

  /** Never rejects: without a height, whatever was used is refused. */
  async function read(): ClaimHeight {
    if (chain.findUse === undefined) return undefined;
    return (coming ??= readNext());
  }

  /** Whoever claims before it begins may share it, and nobody who claims later. */
  async function readNext(): ClaimHeight {
    await sleep(Math.max(0, lastStartMs + pauseMs - performance.now()));
    coming = undefined;
    lastStartMs = performance.now();
    return chain.blockHeight().catch(() => undefined);
  }

  /** Notes the height after a claim that another process is to sign. Never rejects: that one reads a height, a moment later. */
  async function note(paymentId: string): Promise<void> {
    const height = await read();
    if (height === undefined) return;
    await store.noteHeight(paymentId, height).catch((error: unknown) => {
      log.warn({ err: error, paymentId }, 'the height of a claim could not be noted');
    });
  }
}

import type { Database } from '@tollkeeper/database';
import { isFault, type Chain } from '@tollkeeper/protocol';
import type { OpenNetwork } from './compose-networks.js';
import type { Logger } from './logging/logger.js';
import { passes } from './passes.js';
import { recallChain, recogniseChain } from './storage.js';

/** How often a chain that was away at the start is looked for. */
const lookMs = 1_000;

/**
 * Compares each chain with the one that the database remembers, and answers those of which no node answered. Nothing is asked of
 * these before a node has shown the chain that is remembered: their clients are bound to it.
 * @throws Fault `CHAIN_CHANGED`, `CHAIN_WRONG_NETWORK`; `CHAIN_RPC_UNAVAILABLE` where no network has a node, or the database
 * knows nothing to bind to.
 */
export async function meetChains(parts: {
  readonly database: Database;
  readonly networks: readonly Pick<OpenNetwork, 'chain' | 'bindTo'>[];
  readonly log: Logger;
}): Promise<readonly Chain[]> {
  const { database, networks, log } = parts;
  const away: Chain[] = [];
  let trouble: unknown;
  for (const { chain, bindTo } of networks) {
    try {
      await recogniseChain(database, chain);
    } catch (error) {
      if (!isFault(error, 'CHAIN_RPC_UNAVAILABLE')) throw error;
      const known = await recallChain(database, chain.network);
      if (known === undefined) throw error;
      bindTo(known);
      trouble ??= error;
      away.push(chain);
    }
  }
  if (away.length > 0 && away.length === networks.length) throw trouble;
  for (const { network } of away)
    log.error({ network }, 'no node of a network answers at the start; others are served');
  return away;
}

/** Tells the operator what becomes of chains that were away at the start. That they are served needs nothing of this. */
export function createLateMeetings(parts: {
  readonly database: Database;
  readonly away: readonly Chain[];
  readonly log: Logger;
}) {
  const { database, away, log } = parts;
  const stopping = new AbortController();
  let running: Promise<unknown> | undefined;

  return {
    start(): void {
      running ??= Promise.all(away.map(meet));
    },
    async stop(): Promise<void> {
      stopping.abort();
      await running;
    },
  };

  async function meet(chain: Chain): Promise<void> {
    const { network } = chain;
    let isToldOf = false;
    while (await passes(lookMs, stopping.signal)) {
      try {
        await recogniseChain(database, chain);
        log.info({ network }, 'a network that was away at the start is served');
        return;
      } catch (error) {
        const isAnother = isFault(error, 'CHAIN_WRONG_NETWORK') || isFault(error, 'CHAIN_CHANGED');
        if (!isAnother || isToldOf) continue;
        isToldOf = true;
        log.error({ err: error, network }, 'a network that was away at the start is another chain and is not served');
      }
    }
  }
}

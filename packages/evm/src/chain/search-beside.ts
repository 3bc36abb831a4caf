import { setTimeout as sleep } from 'node:timers/promises';
import { type Block, type ClaimedTransfer, isFault, type OnChainEffect } from '@tollkeeper/protocol';
import type { FindForeignTransfers } from './foreign-transfers.js';
import { createTurns } from './turns.js';

type Found = OnChainEffect | 'unclear' | undefined;

/** A transfer to look for, after a transaction of ours in this block has not carried it out. */
export interface Wanted {
  readonly claim: ClaimedTransfer;
  readonly block: Block;
}

/** A search that goes on, or has ended and was not read yet. */
interface Search {
  readonly wanted: Wanted;
  askedAtMs: number;
  found?: { readonly value: Found };
}

/** How long whoever begins a search waits for it. The usual search is over by then. */
const patienceMs = 500;

/** Requests for searches at one time. */
const searchesAtOnce = 4;

/** As many go on, or were not read yet; others begin when these are over. */
const maximumSearches = 4096;

/** What nobody has asked for so long is forgotten: somebody else has concluded what it was for. */
const memoryMs = 300_000;

/**
 * Searches for transfers by somebody else beside the looks that ask for them: `unclear` is answered as long as one goes on, so that
 * a node that does not tell about one holds up no other. What was found is told once; a search that failed begins anew with the
 * next look.
 */
export function createSearchBeside(parts: {
  readonly find: FindForeignTransfers;
  readonly onFailure: (trouble: string) => void;
}): (wanted: readonly Wanted[]) => Promise<readonly Found[]> {
  const searches = new Map<string, Search>();
  const inTurn = createTurns(searchesAtOnce);

  return async (wanted) => {
    const fresh = begin(wanted);
    if (fresh.length > 0) await waitFor(run(fresh));
    const found = wanted.map((each) => searches.get(keyOf(each))?.found);
    for (const each of wanted) if (searches.get(keyOf(each))?.found !== undefined) searches.delete(keyOf(each));
    return found.map((each) => (each === undefined ? 'unclear' : each.value));
  };

  function begin(wanted: readonly Wanted[]): readonly string[] {
    const nowMs = performance.now();
    for (const [key, { askedAtMs }] of searches) if (askedAtMs < nowMs - memoryMs) searches.delete(key);
    const fresh: string[] = [];
    for (const each of wanted) {
      const key = keyOf(each);
      const search = searches.get(key);
      if (search !== undefined) search.askedAtMs = nowMs;
      else if (searches.size < maximumSearches) {
        searches.set(key, { wanted: each, askedAtMs: nowMs });
        fresh.push(key);
      }
    }
    return fresh;
  }

  /** All together, and where that fails each alone, because one may have spoilt it for the others. Never throws. */
  async function run(keys: readonly string[]): Promise<void> {
    const known = keys.flatMap((key) => searches.get(key) ?? []);
    try {
      const found = await inTurn(() =>
        findAllOf(
          parts,
          known.map((search) => search.wanted),
        ),
      );
      for (const [index, search] of known.entries()) search.found = { value: found[index] };
    } catch (error) {
      if (keys.length > 1) await Promise.all(keys.map((key) => run([key])));
      else {
        for (const key of keys) searches.delete(key);
        parts.onFailure(troubleOf(error));
      }
    }
  }
}

/** By a node that has all of their blocks. */
export function findAllOf(
  { find }: { readonly find: FindForeignTransfers },
  wanted: readonly Wanted[],
): ReturnType<FindForeignTransfers> {
  const newest = wanted.reduce((one, { block }) => (block.number > one ? block.number : one), 0n);
  return find(
    wanted.map(({ claim }) => claim),
    newest,
  );
}

/** By the block too: what was not used before one block may have been before another. */
function keyOf({ claim, block }: Wanted): string {
  return `${claim.claimKey} ${block.hash}`;
}

async function waitFor(work: Promise<void>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, sleep(patienceMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
}

function troubleOf(error: unknown): string {
  return isFault(error) ? String(error.facts['trouble'] ?? error.code) : String(error);
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '@tollkeeper/database';
import { isFault, type Asset, type Chain, type Network, type TokenHolder } from '@tollkeeper/protocol';
import { custodyAsOf, findCustodyHolders, type HolderAtBlock } from './custody-positions.js';
import type { Comparison, CustodySummary, Difference, Unchecked } from './report.js';

/** How often the ledger is looked at again for what the chain has and it may be about to book. */
const lookAgainMs = 250;

export interface CustodyComparison extends Comparison {
  readonly custody: readonly CustodySummary[];
}

/** A holder with what the chain has there. */
interface ReadHolder extends HolderAtBlock {
  readonly onChain: bigint;
}

interface ComparedHolder extends ReadHolder {
  readonly booked: bigint;
}

/**
 * Holds the ledger against the chains: each address in our custody as of a final block. The chain is read first, so whatever it
 * shows was sent before; a payment that is being booked in that moment gets `settlingMs` to arrive in the ledger, as of the same
 * block, before it counts as a difference.
 */
export async function compareCustody(parts: {
  readonly database: Database;
  readonly chains: readonly Chain[];
  readonly assets: readonly Asset[];
  readonly settlingMs: number;
}): Promise<CustodyComparison> {
  const { database } = parts;
  const unchecked: Unchecked[] = [];
  const read: ReadHolder[] = [];
  for (const [network, holders] of byNetwork(await findCustodyHolders(database, parts.assets))) {
    const chain = parts.chains.find((each) => each.network === network);
    const found = chain === undefined ? notServed(network) : await readChain(chain, holders);
    read.push(...found.read);
    unchecked.push(...found.unchecked);
  }
  const compared = await compareWithLedger(database, read, parts.settlingMs);
  const differences = compared.filter(isDifferent).map(toDifference);
  return { compared: compared.length, differences, unchecked, custody: summarise(compared) };
}

interface Reading {
  readonly read: readonly ReadHolder[];
  readonly unchecked: readonly Unchecked[];
}

async function readChain(chain: Chain, holders: readonly TokenHolder[]): Promise<Reading> {
  const { network } = chain;
  try {
    const balances = await chain.balancesAtFinalized(holders);
    const read: ReadHolder[] = [];
    const unchecked: Unchecked[] = [];
    for (const [index, { asset, owner }] of holders.entries()) {
      const found = balances[index];
      if (found?.balance === undefined) {
        unchecked.push({
          network,
          subject: `${asset.token} of ${owner}`,
          reason: 'the token does not tell the balance',
        });
      } else {
        read.push({ asset, owner, blockNumber: found.blockNumber, onChain: found.balance });
      }
    }
    return { read, unchecked };
  } catch (error) {
    if (!isFault(error)) throw error;
    return { read: [], unchecked: [{ network, subject: 'all addresses', reason: error.message }] };
  }
}

function notServed(network: Network): Reading {
  const reason = 'this network is not configured here';
  return { read: [], unchecked: [{ network, subject: 'all addresses', reason }] };
}

/** Looks at the ledger, and again at what differs until it does not or the time is over. */
async function compareWithLedger(
  database: Database,
  read: readonly ReadHolder[],
  settlingMs: number,
): Promise<readonly ComparedHolder[]> {
  const startedAt = performance.now();
  let compared = await look(database, read);
  while (compared.some(isDifferent) && performance.now() - startedAt < settlingMs) {
    await delay(lookAgainMs);
    const again = await look(database, compared.filter(isDifferent));
    compared = [...compared.filter((holder) => !isDifferent(holder)), ...again];
  }
  return compared;
}

async function look(database: Database, read: readonly ReadHolder[]): Promise<readonly ComparedHolder[]> {
  const booked = await custodyAsOf(database, read);
  return read.map((holder, index) => ({ ...holder, booked: booked[index] ?? 0n }));
}

function isDifferent({ onChain, booked }: ComparedHolder): boolean {
  return onChain !== booked;
}

function toDifference({ asset, owner, blockNumber, onChain, booked }: ComparedHolder): Difference {
  return {
    check: 'custody',
    asset,
    subject: `${owner} at block ${blockNumber}`,
    expected: booked,
    found: onChain,
  };
}

function summarise(compared: readonly ComparedHolder[]): readonly CustodySummary[] {
  const summaries = new Map<string, CustodySummary>();
  for (const { asset, blockNumber, onChain, booked } of compared) {
    const key = `${asset.network} ${asset.token}`;
    const known = summaries.get(key) ?? {
      ...{ asset, addresses: 0, ledger: 0n, chain: 0n },
      ...{ fromBlock: blockNumber, toBlock: blockNumber },
    };
    summaries.set(key, {
      asset,
      addresses: known.addresses + 1,
      ledger: known.ledger + booked,
      chain: known.chain + onChain,
      fromBlock: blockNumber < known.fromBlock ? blockNumber : known.fromBlock,
      toBlock: blockNumber > known.toBlock ? blockNumber : known.toBlock,
    });
  }
  return [...summaries.values()];
}

function byNetwork(holders: readonly TokenHolder[]): ReadonlyMap<Network, readonly TokenHolder[]> {
  const groups = new Map<Network, TokenHolder[]>();
  for (const holder of holders) {
    const { network } = holder.asset;
    const group = groups.get(network);
    if (group === undefined) groups.set(network, [holder]);
    else group.push(holder);
  }
  return groups;
}

import type { ClaimedTransfer, Clock, Network, OnChainEffect } from '@tollkeeper/protocol';
import { addressWord } from '../abi-word.js';
import { createBoundedCache } from '../bounded-cache.js';
import { keccakOfText } from '../keccak.js';
import { readTogether } from '../read-together.js';
import type { Receipt } from '../rpc/evidence-methods.js';
import type { EvmNode } from '../rpc/evm-node.js';
import { createLogSearch } from './search-logs.js';
import {
  canceledTopic,
  effectOf,
  indexTransferLogs,
  nonceTopic,
  type TransferLogs,
  usedTopic,
} from './transfer-log.js';

const stateSelector = keccakOfText('authorizationState(address,bytes32)').toString('hex', 0, 4);

/** Where the search begins for a claim that names no block: it was made a few minutes ago at most. */
const usualAge = 1_000n;

/** No search goes back further, a day of two-second blocks. */
const maximumAge = 43_200n;

/** A reorg may have moved a transaction down by some blocks since the authorization was seen unused, or since the last search. */
const reorgDepth = 32n;

/**
 * The search begins anew so often: behind one address there may be several nodes, and the one that told of no log may have been
 * further behind than a reorg goes.
 */
const searchedTtlMs = 10 * 60 * 1000;

/**
 * So long is waited for the log of a use: of several nodes behind one address, the one that tells of the use may have a block that
 * the one that is asked for logs does not have yet. A token need not write logs at all.
 */
const logPatienceMs = 10_000;

/** Claims in one filter; nodes limit how many topics they take. */
const claimsPerSearch = 100;

/** What was searched for and not found. */
interface Search {
  readonly sinceMs: number;
  /** The block up to which it was searched. */
  readonly upTo: bigint;
  /** Its payer took the authorization back. */
  readonly isCanceled: boolean;
}

/** The transaction by which an authorization was used; `unclear` where it is not known yet. */
type Use = { readonly transaction: string } | 'unclear';

/**
 * Like `Chain.findForeignTransfers`, and tells where there is a use whose evidence the node does not show yet. With the block in
 * which ours failed, a node that does not have it tells nothing: who was faster may be in that block.
 */
export type FindForeignTransfers = (
  claims: readonly ClaimedTransfer[],
  failedIn?: bigint,
) => Promise<readonly (OnChainEffect | 'unclear' | undefined)[]>;

/**
 * Anybody who sees a payer's authorization may send it. If somebody did, the payer has paid although our transaction reverts: then
 * that is the transfer that counts. One call asks the tokens which authorizations are used; only those are searched for, from the
 * block on at which they were last known to be unused or were searched for in vain.
 */
export function createForeignTransfers(parts: {
  readonly network: Network;
  readonly node: EvmNode;
  readonly clock: Clock;
  readonly confirmations: number;
}): FindForeignTransfers {
  const { clock, confirmations } = parts;
  const searchLogs = createLogSearch(parts);
  /** Used authorizations, by claim key. */
  const searched = createBoundedCache<Search>(4096);
  const nowMs = () => clock.now().getTime();

  /** The search that goes on, or one that begins now. */
  function searchOf({ claimKey }: ClaimedTransfer): Search {
    const search = searched.get(claimKey);
    const isOn = search !== undefined && nowMs() < search.sinceMs + searchedTtlMs;
    return isOn ? search : { sinceMs: nowMs(), upTo: 0n, isCanceled: false };
  }

  /** Where the authorizations of one token were used, by claim key. */
  async function findUses(
    node: EvmNode,
    claims: readonly ClaimedTransfer[],
    last: bigint,
  ): Promise<ReadonlyMap<string, Use>> {
    const searches = new Map(claims.map((claim) => [claim, searchOf(claim)]));
    const fromBlock = [...searches]
      .map(([claim, { upTo }]) => larger(upTo - reorgDepth, oldestBlock(claim, last)))
      .reduce((one, other) => (one < other ? one : other));
    const payers = [...new Set(claims.map(payerTopic))];
    const topics = [[usedTopic, canceledTopic], payers, claims.map(nonceTopic)];
    const address = claims[0]?.asset.token ?? '';
    const found = await searchLogs(node, { address, topics, fromBlock, toBlock: last });
    const transactions = new Map(found.map((log) => [log.topics.join(), log.transaction]));
    const uses = new Map<string, Use>();
    for (const [claim, search] of searches) {
      const told = (event: string) => transactions.get([event, payerTopic(claim), nonceTopic(claim)].join());
      const transaction = told(usedTopic);
      const isCanceled = search.isCanceled || told(canceledTopic) !== undefined;
      if (transaction === undefined) searched.set(claim.claimKey, { ...search, upTo: last, isCanceled });
      if (transaction !== undefined) uses.set(claim.claimKey, { transaction });
      else if (!isCanceled && nowMs() < search.sinceMs + logPatienceMs) uses.set(claim.claimKey, 'unclear');
    }
    return uses;
  }

  async function search(
    node: EvmNode,
    used: readonly ClaimedTransfer[],
  ): Promise<ReadonlyMap<string, OnChainEffect | 'unclear'>> {
    const effects = new Map<string, OnChainEffect | 'unclear'>();
    const last = (await node.blockNumber()) - BigInt(confirmations - 1);
    if (last < 0n) return effects;
    const evidence = createEvidence(node, last);
    for (const claims of groupsOf(used)) {
      const uses = await findUses(node, claims, last);
      for (const claim of claims) {
        const use = uses.get(claim.claimKey);
        const effect = typeof use === 'object' ? await evidence(claim, use.transaction) : use;
        if (effect !== undefined) effects.set(claim.claimKey, effect);
      }
    }
    return effects;
  }

  return async (claims, failedIn = 0n) => {
    if (claims.length === 0) return [];
    return parts.node.onOneEndpoint(async (node) => {
      if (failedIn > 0n && (await node.blockNumber()) < failedIn) return claims.map(() => 'unclear');
      const isUsed = await readStates(node, claims);
      const used = claims.filter((_, index) => isUsed[index]);
      const effects = used.length === 0 ? undefined : await search(node, used);
      return claims.map(({ claimKey }) => effects?.get(claimKey));
    });
  };
}

/** The first block that may hold the use of an authorization; `last` is the newest. */
export function oldestBlock(claim: ClaimedTransfer, last: bigint): bigint {
  const first = (claim.unusedAtBlock ?? last - usualAge) - reorgDepth;
  return larger(larger(first, last - maximumAge), 0n);
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

export const payerTopic = ({ payer }: ClaimedTransfer): string => `0x${addressWord(payer)}`;

/** What each token says of the authorization; one that does not answer has not used it. */
async function readStates(node: EvmNode, claims: readonly ClaimedTransfer[]): Promise<readonly boolean[]> {
  const calls = claims.map((claim) => ({ to: claim.asset.token, data: authorizationStateCall(claim) }));
  const answers = await readTogether(node, calls);
  return answers.map((answer) => answer !== undefined && isTrue(answer));
}

export const isTrue = (answer: string): boolean => /^0x0{63}1$/.test(answer);

/** The question whether a token has used or canceled the authorization. */
export function authorizationStateCall(claim: ClaimedTransfer): string {
  return `0x${stateSelector}${addressWord(claim.payer)}${nonceTopic(claim).slice(2)}`;
}

/** Reads the transfer behind a use, once for all that share a transaction. */
function createEvidence(node: EvmNode, last: bigint) {
  const read = new Map<string, { readonly receipt: Receipt; readonly logs: TransferLogs } | undefined>();

  async function readConfirmed(transaction: string) {
    const receipt = await node.receipt(transaction);
    if (receipt?.succeeded !== true || receipt.block.number > last) return undefined;
    const header = await node.block(receipt.block.number);
    return header?.hash === receipt.block.hash ? { receipt, logs: indexTransferLogs(receipt.logs) } : undefined;
  }

  return async (claim: ClaimedTransfer, transaction: string): Promise<OnChainEffect | 'unclear' | undefined> => {
    if (!read.has(transaction)) read.set(transaction, await readConfirmed(transaction));
    const evidence = read.get(transaction);
    if (evidence === undefined) return 'unclear';
    const log = evidence.logs.find(claim);
    if (!log.found) return undefined;
    return effectOf(claim, { transaction, ordinal: log.ordinal, receipt: evidence.receipt });
  };
}

function groupsOf(claims: readonly ClaimedTransfer[]): readonly (readonly ClaimedTransfer[])[] {
  const byToken = new Map<string, ClaimedTransfer[]>();
  for (const claim of claims) byToken.set(claim.asset.token, [...(byToken.get(claim.asset.token) ?? []), claim]);
  return [...byToken.values()].flatMap((ofToken) =>
    Array.from({ length: Math.ceil(ofToken.length / claimsPerSearch) }, (_, index) =>
      ofToken.slice(index * claimsPerSearch, (index + 1) * claimsPerSearch),
    ),
  );
}

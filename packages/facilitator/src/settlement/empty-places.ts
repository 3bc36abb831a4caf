import type { Database, Sql } from '@tollkeeper/database';
import type { Chain, Network, SignedTransaction } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { storeSigned, type SentTransaction } from './chain-transactions.js';
import { countEmpty, findEmpty, isEmpty } from './lane-order.js';
import { lockLane, type HeldLane } from './lanes.js';
import type { PlaceEvent } from './place-event.js';
import { sendTogether, type Sending } from './send-together.js';

/** No chain forgets more foreign transactions than that: a lane that skipped more was told a wrong count by a node. */
const filledMax = 64n;

/**
 * Fills places in a signer's order for which nothing of ours was ever signed: the lane skipped them because a foreign transaction
 * had used them, and a reorg dropped that. Everything later in the lane waits for them, and nobody else need send anything.
 */
export function createEmptyPlaces(parts: {
  readonly database: Database;
  readonly chain: Chain;
  readonly processId: string;
  /** A place must have been seen empty for this long: the node may be behind, and the foreign transaction may come back. */
  readonly fillAfterMs: number;
  readonly track: (sent: SentTransaction) => void;
  readonly onEvent: (event: PlaceEvent) => void;
  readonly log: Logger;
}) {
  const { database, chain, processId, log } = parts;
  const { network } = chain;
  /** Since when each place of a signer is seen empty, in the process's time. */
  const emptySince = new Map<string, ReadonlyMap<bigint, number>>();
  /** The signers of which the operator was told that they have too many. */
  const told = new Set<string>();

  return async function fillEmpty(lane: HeldLane, next: bigint): Promise<void> {
    const { signer } = lane;
    const empty = await findEmpty({ database, network, signer }, next);
    if (empty.length === 0) told.delete(signer);
    const certain = emptyForLong(signer, empty);
    if (certain.length === 0) return;
    const places = await countEmpty({ database, network, signer }, next);
    if (places > filledMax) tell({ network, signer, places: places.toString(), first: String(certain[0]) });
    else await sendTogether(certain, (accountNonce) => fill(lane, accountNonce));
  };

  function tell(fields: { readonly signer: string; readonly [field: string]: string }): void {
    if (told.has(fields.signer)) return;
    told.add(fields.signer);
    parts.onEvent('foreign');
    log.error(
      fields,
      'a lane skipped too many places to fill: find the node that told so, and set the lane back to the first',
    );
  }

  /** Those that were empty before, for long enough. */
  function emptyForLong(signer: string, empty: readonly bigint[]): readonly bigint[] {
    const nowMs = performance.now();
    const before = emptySince.get(signer);
    const since = new Map(empty.map((accountNonce) => [accountNonce, before?.get(accountNonce) ?? nowMs]));
    emptySince.set(signer, since);
    return empty.filter((accountNonce) => nowMs - (since.get(accountNonce) ?? nowMs) >= parts.fillAfterMs);
  }

  async function fill(lane: HeldLane, accountNonce: bigint): Promise<Sending | undefined> {
    const fields = { network, signer: lane.signer, accountNonce: accountNonce.toString() };
    const plan = await chain.fill(lane.signer);
    if (plan === undefined) {
      parts.onEvent('fee_above_limit');
      log.warn(fields, 'an empty place is not filled: the fee would be above the limit, or what the signer has');
      return undefined;
    }
    const signed = plan.sign(accountNonce);
    const stored = await database.transaction((sql) => store(sql, { network, processId, lane, signed, accountNonce }));
    if (!stored) return undefined;
    const sent = { ...signed, network, legs: [] };
    return async () => {
      const result = await chain.broadcast(sent);
      parts.onEvent('gap_filled');
      const refusal = result.accepted ? {} : { detail: result.detail };
      log.warn({ ...fields, transaction: signed.id, ...refusal }, 'empty place filled');
      parts.track(sent);
    };
  }
}

async function store(
  sql: Sql,
  filling: {
    readonly network: Network;
    readonly processId: string;
    readonly lane: HeldLane;
    readonly signed: SignedTransaction;
    readonly accountNonce: bigint;
  },
): Promise<boolean> {
  const { network, processId, lane, signed, accountNonce } = filling;
  if (!(await lockLane(sql, { ...lane, network, processId }))) return false;
  if (!(await isEmpty(sql, { network, signer: lane.signer, accountNonce }))) return false;
  await storeSigned(sql, { network, transactions: [{ signed, paymentIds: [] }] });
  return true;
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, Sql } from '@tollkeeper/database';
import { Fault, isFault } from '@tollkeeper/protocol';
import { fateOfCommit } from './commit-fate.js';
import type { Ledger } from './ledger.js';
import type { Posted, Posting } from './posting.js';

/** What the guard wants for one item; it may carry more than the postings, which `after` and the caller get back. */
export interface Decision {
  readonly postings: readonly Posting[];
}

/** One item with what was decided and posted for it; `posted` is in the order of the decision's postings. */
export interface Concluded<Item, D extends Decision = Decision> {
  readonly item: Item;
  readonly decision: D;
  readonly posted: readonly Posted[];
}

/** What became of an item, told only when it is committed. */
export type CommitOutcome<D extends Decision = Decision> =
  | { readonly state: 'posted'; readonly decision: D; readonly posted: readonly Posted[] }
  /** The guard wanted nothing of it; nothing was written. */
  | { readonly state: 'dropped' };

export interface GroupCommitParts<Item, D extends Decision> {
  readonly database: Pick<Database, 'transaction' | 'sql'>;
  readonly ledger: Pick<Ledger, 'startPosting'>;
  /**
   * Runs first, once for a whole batch, and answers for each item in order: what to post (`postings` may be empty where only
   * its own statements matter), or undefined to drop it. Typically one guarded set-based `UPDATE ... RETURNING`, so that an
   * item that somebody else concluded is dropped. Nothing but SQL: it runs again, in smaller batches, after a failure.
   */
  readonly guard: (sql: Sql, items: readonly Item[]) => Promise<readonly (D | undefined)[]>;
  /**
   * Runs once for a whole batch, with the journals of the items that were not dropped. Their legs are written after it, so that
   * hot balances are locked by the last statement.
   */
  readonly after?: (sql: Sql, concluded: readonly Concluded<Item, D>[]) => Promise<void>;
  /** Two items of one key never share a batch: the later one meets the guard after the earlier one was committed. */
  readonly keyOf?: (item: Item) => string;
  /** Most items in one transaction. */
  readonly maximumBatch?: number;
  /** How long the fate of a commit is looked for whose answer was lost with its connection. */
  readonly fateTimeoutMs?: number;
  /** Called with the size of each batch that was committed; it feeds the metrics. */
  readonly onBatch?: (items: number) => void;
}

export interface GroupCommit<Item, D extends Decision = Decision> {
  /**
   * Queues an item and resolves when its batch is committed, durably. A lone item goes at once; others gather while the batch
   * before them is being committed.
   *
   * Rejects alone with what was wrong with this item: of a batch that fails, the halves are tried apart, down to the item.
   * Rejects with Fault `DATABASE_UNAVAILABLE` where the database did not answer; nothing was committed then, unless its facts
   * say `commit: 'unknown'`. A commit whose answer was lost is looked up, never guessed.
   */
  readonly commit: (item: Item) => Promise<CommitOutcome<D>>;
  /** Takes nothing more and resolves when everything that was taken is concluded. */
  readonly stop: () => Promise<void>;
}

const MAXIMUM_BATCH = 200;
const FATE_TIMEOUT_MS = 30_000;

interface Waiting<Item, D extends Decision> {
  readonly item: Item;
  readonly resolve: (outcome: CommitOutcome<D>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Commits what many callers want in few transactions, one after the other, so that a hot account is locked and the disk is
 * waited for once in a batch. For what cannot fail for lack of funds; constrained debits have transactions of their own.
 */
export function createGroupCommit<Item, D extends Decision = Decision>(
  parts: GroupCommitParts<Item, D>,
): GroupCommit<Item, D> {
  let queue: Waiting<Item, D>[] = [];
  let flushing: Promise<void> | undefined;
  let stopped = false;
  const commitBatch = createBatchCommit(parts);

  return {
    commit(item) {
      if (stopped) return Promise.reject(new Fault('SHUTTING_DOWN'));
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        flushing ??= flush();
      });
    },
    async stop() {
      stopped = true;
      await flushing;
    },
  };

  async function flush(): Promise<void> {
    while (queue.length > 0) {
      const { batch, rest } = takeBatch(queue, { size: parts.maximumBatch ?? MAXIMUM_BATCH, keyOf: parts.keyOf });
      queue = rest;
      await conclude(batch);
      // Whoever was answered now and goes on at once joins the next batch instead of the one after it.
      await nextTurn();
    }
    // In the same turn in which the queue was seen empty, so that no item is pushed in between and forgotten.
    flushing = undefined;
  }

  async function conclude(batch: readonly Waiting<Item, D>[]): Promise<void> {
    try {
      const outcomes = await commitBatch(batch.map(({ item }) => item));
      parts.onBatch?.(batch.length);
      for (const [index, waiting] of batch.entries()) settle(waiting, outcomes[index]);
    } catch (error) {
      if (batch.length === 1 || isFault(error, 'DATABASE_UNAVAILABLE')) {
        for (const { reject } of batch) reject(error);
        return;
      }
      const middle = Math.ceil(batch.length / 2);
      await conclude(batch.slice(0, middle));
      await conclude(batch.slice(middle));
    }
  }

  function settle(waiting: Waiting<Item, D>, outcome: CommitOutcome<D> | undefined): void {
    if (outcome === undefined) waiting.reject(new Fault('INTERNAL', { problem: 'a guard that left an item out' }));
    else waiting.resolve(outcome);
  }
}

/** The items of the next transaction, in their order, and those that wait for a later one. */
function takeBatch<W extends { readonly item: unknown }>(
  queue: readonly W[],
  { size, keyOf }: { readonly size: number; readonly keyOf: ((item: W['item']) => string) | undefined },
): { readonly batch: readonly W[]; readonly rest: W[] } {
  if (keyOf === undefined) return { batch: queue.slice(0, size), rest: queue.slice(size) };
  const batch: W[] = [];
  const rest: W[] = [];
  const keys = new Set<string>();
  for (const waiting of queue) {
    const key = keyOf(waiting.item);
    if (batch.length === size || keys.has(key)) rest.push(waiting);
    else batch.push(waiting);
    // The order of one key is kept also where the batch was full.
    keys.add(key);
  }
  return { batch, rest };
}

/** Commits one batch in one transaction and answers for each of its items, or throws and has committed none of them. */
function createBatchCommit<Item, D extends Decision>(parts: GroupCommitParts<Item, D>) {
  return async function commitBatch(items: readonly Item[]): Promise<readonly CommitOutcome<D>[]> {
    let attempt: Attempt<D> | undefined;
    try {
      await parts.database.transaction(async (sql) => {
        attempt = undefined;
        attempt = await write(sql, items);
      });
    } catch (error) {
      if (attempt === undefined || !isFault(error, 'DATABASE_UNAVAILABLE') || error.facts['commit'] !== 'unknown') {
        throw error;
      }
      const timeoutMs = parts.fateTimeoutMs ?? FATE_TIMEOUT_MS;
      if ((await fateOfCommit(parts.database, { commit: attempt, timeoutMs })) === 'aborted') {
        throw new Fault('DATABASE_UNAVAILABLE', { commit: 'aborted' }, { cause: error });
      }
    }
    return attempt?.outcomes ?? [];
  };

  async function write(sql: Sql, items: readonly Item[]): Promise<Attempt<D>> {
    const decisions = await parts.guard(sql, items);
    if (decisions.length !== items.length) throw new Fault('INTERNAL', { problem: 'a guard that left items out' });
    const { posted, write: writeLegs } = await parts.ledger.startPosting(
      sql,
      decisions.flatMap((decision) => decision?.postings ?? []),
    );
    const concluded: Concluded<Item, D>[] = [];
    const outcomes: CommitOutcome<D>[] = [];
    let next = 0;
    for (const [index, item] of items.entries()) {
      const decision = decisions[index];
      if (decision === undefined) {
        outcomes.push({ state: 'dropped' });
        continue;
      }
      const own = posted.slice(next, (next += decision.postings.length));
      concluded.push({ item, decision, posted: own });
      outcomes.push({ state: 'posted', decision, posted: own });
    }
    const [[transaction]] = await Promise.all([
      sql<{ xid: string }>`SELECT pg_current_xact_id()::text AS xid`,
      concluded.length > 0 ? parts.after?.(sql, concluded) : undefined,
      writeLegs(),
    ]);
    return { outcomes, posted, xid: BigInt(transaction?.xid ?? 0) };
  }
}

interface Attempt<D extends Decision> {
  readonly outcomes: readonly CommitOutcome<D>[];
  readonly posted: readonly Posted[];
  readonly xid: bigint;
}

import { randomUUID } from 'node:crypto';
import type { Database } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import type { Progress } from '../progress.js';
import { medianOfKnown } from '../statistics.js';
import { creditOf, walletOf } from './settlement-credits.js';

/** What a posting of two legs costs when there is this much history. */
export interface HistoryPoint {
  readonly transfers: number;
  /** One posting in a transaction of its own, durable, with nobody else at work: the median, in milliseconds. */
  readonly aloneMs: number;
  /** One posting of a batch of 100: the median over the batches, in milliseconds. */
  readonly inBatchMs: number;
}

const sizes = [1_000, 10_000, 100_000, 1_000_000];
const legsOfEach = 2;
const fillBatch = 500;
const measuredBatch = 100;
const measuredTimes = 60;

/** Grows the history to each size and measures there. */
export async function measureHistory(parts: {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly transfers: number;
  readonly progress: Progress;
}): Promise<readonly HistoryPoint[]> {
  const { database, ledger, progress } = parts;
  const points: HistoryPoint[] = [];
  for (const size of sizes.filter((each) => each <= parts.transfers)) {
    progress.say(`posting cost at ${size} transfers`);
    await growTo(size);
    const alone = await timesOf(() => post(1));
    const inBatch = await timesOf(() => post(measuredBatch));
    const aloneMs = medianOfKnown(alone) ?? 0;
    points.push({ transfers: size, aloneMs, inBatchMs: (medianOfKnown(inBatch) ?? 0) / measuredBatch });
  }
  return points;

  async function growTo(size: number): Promise<void> {
    const [row] = await database.sql<{ count: bigint }>`SELECT count(*) FROM transfer`;
    for (let count = Number(row?.count ?? 0); count < size; count += fillBatch * legsOfEach) await post(fillBatch);
  }

  async function post(postings: number): Promise<void> {
    const batch = Array.from({ length: postings }, (_, n) =>
      creditOf({ transaction: randomUUID(), wallet: walletOf(n + 1) }),
    );
    await database.transaction((sql) => ledger.postAll(sql, batch));
  }
}

async function timesOf(work: () => Promise<void>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let time = 0; time < measuredTimes; time += 1) {
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  }
  return times;
}

import type { SettleAnswer } from '@tollkeeper/protocol';
import pg from 'pg';
import { expect } from 'vitest';
import { eventually } from './eventually.js';
import { metricOf } from './metrics.js';
import { evmNetwork, type TestFacilitator } from './test-facilitator.js';
import { settle, type Answered, type WireRequest } from './wire.js';

/**
 * Settles payments so that they share a transaction: the first is kept at its signature until all the others, each of a payer
 * of its own, wait behind it. Answers what the callers will be told, in the order given.
 */
export function settleTogether(
  facilitator: TestFacilitator,
  [opener, ...crowd]: readonly WireRequest[],
): Promise<readonly Promise<Answered<SettleAnswer>>[]> {
  const url = facilitator.url();
  return whileLanesWait(facilitator, async (untilSigning) => {
    const answers = [settle(url, opener)];
    await untilSigning(1);
    answers.push(...crowd.map((request) => settle(url, request)));
    await eventually(async () => expect(await waitingIn(url)).toBe(crowd.length));
    return answers;
  });
}

/** Settles payments so that each is signed by another lane: none is signed before all of them are at it. */
export function settleApart(
  facilitator: TestFacilitator,
  requests: readonly WireRequest[],
): Promise<readonly Promise<Answered<SettleAnswer>>[]> {
  return whileLanesWait(facilitator, async (untilSigning) => {
    const answers: Promise<Answered<SettleAnswer>>[] = [];
    for (const request of requests) {
      answers.push(settle(facilitator.url(), request));
      await untilSigning(answers.length);
    }
    return answers;
  });
}

/** Lets no lane sign until the work is done, which can wait until so many are at it. */
async function whileLanesWait<Result>(
  { database }: TestFacilitator,
  work: (untilSigning: (lanes: number) => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  try {
    // Whoever signs takes its account nonces from its row.
    await owner.query('BEGIN; SELECT FROM lane FOR UPDATE');
    return await work((lanes) =>
      eventually(async () => {
        await owner.query('SELECT pg_stat_clear_snapshot()');
        expect((await owner.query(signing)).rowCount).toBe(lanes);
      }),
    );
  } finally {
    await owner.end();
  }
}

/** Who waits for the lane to sign for it. */
const signing = `
  SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%next_account_nonce = next_account_nonce +%'`;

/** Verified payments that wait for a lane. */
export function waitingIn(url: string): Promise<number> {
  return metricOf(url, 'tollkeeper_queue_payments', { network: evmNetwork });
}

import { migrate, openDatabase, type Database } from '@tollkeeper/database';
import { createGroupCommit, createLedger, type CommitOutcome, type GroupCommit } from '@tollkeeper/ledger';
import { amount, isFault } from '@tollkeeper/protocol';
import { afterEach, expect, test, vi } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startMortalDatabase } from '../support/mortal-database.js';
import { startCommitRelay } from './commit-relay.js';
import { findLedgerProblems } from './find-ledger-problems.js';
import { createLedgerScene, usdc } from './ledger-scene.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (let stop = cleanups.pop(); stop !== undefined; stop = cleanups.pop()) await stop();
});

/**
 * Credits that end a row of a table, as payments do: the guard lets each key through once, whoever repeats it. An item without
 * money has no posting, so that its row alone tells what became of it.
 */
function creditsOn(database: Database): GroupCommit<string> {
  const ledger = createLedger({ database });
  return createGroupCommit<string>({
    database,
    ledger,
    guard: async (sql, keys) => {
      const rows = await sql<{ name: string }>`
        INSERT INTO setting (name, value) SELECT DISTINCT unnest(${keys}::text[]), 'credited' ON CONFLICT DO NOTHING
        RETURNING name`;
      const fresh = new Set(rows.map(({ name }) => name));
      return keys.map((key) => {
        if (!fresh.delete(key)) return undefined;
        const debit = { kind: 'custody', owner: 'address' } as const;
        const credit = { kind: 'merchant_pending', owner: 'wallet' } as const;
        const legs = [{ debit, credit, asset: usdc, amount: amount(1n) }];
        return { postings: key.startsWith('bare') ? [] : [{ scope: 'credit', key, legs }] };
      });
    },
  });
}

async function credited(database: Database): Promise<ReadonlySet<string>> {
  const rows = await database.sql<{ key: string }>`
    SELECT name AS key FROM setting WHERE value = 'credited'`;
  return new Set(rows.map(({ key }) => key));
}

test('each caller is told the truth about a commit whose answer was lost', async () => {
  const scene = await createLedgerScene();
  cleanups.push(() => scene.db.drop());
  const relay = await startCommitRelay(scene.db.url);
  cleanups.push(() => relay.stop());
  const database = await openDatabase({ url: relay.url, onWarning: () => undefined });
  cleanups.push(() => database.close());
  const credits = creditsOn(database);

  const outcomes = new Map<string, CommitOutcome | 'unavailable'>();
  for (let round = 0; round < 30; round += 1) {
    relay.lose(round % 3 === 0 ? 'commit' : 'answer');
    const keys = Array.from({ length: 20 }, (_, n) => `${n % 4 === 0 ? 'bare' : 'paid'} ${round} ${n}`);
    await Promise.all(
      keys.map(async (key) => {
        outcomes.set(
          key,
          await credits.commit(key).catch((error: unknown) => {
            if (isFault(error, 'DATABASE_UNAVAILABLE') && error.facts['commit'] === 'aborted') return 'unavailable';
            throw error;
          }),
        );
      }),
    );
  }
  expect(relay.left()).toBe(0);

  const done = await credited(scene.database);
  for (const [key, outcome] of outcomes) {
    expect([key, outcome === 'unavailable' ? 'unavailable' : outcome.state]).toEqual([
      key,
      done.has(key) ? 'posted' : 'unavailable',
    ]);
  }
  expect(new Set([...outcomes.values()].map((outcome) => outcome === 'unavailable')).size).toBe(2);
  await scene.expectSoundBooks();
});

test(
  'PostgreSQL killed under load leaves no partial journal, and what was answered is there',
  { timeout: 300_000 },
  async () => {
    const postgres = await startMortalDatabase();
    cleanups.push(() => postgres.stop());
    await migrate({ ownerUrl: postgres.url });
    const database = await openDatabase({ url: postgres.url, onWarning: () => undefined });
    cleanups.push(() => database.close());
    const credits = creditsOn(database);
    const acknowledged = new Set<string>();
    let outages = 0;

    /** Asks again for as long as nobody knows, as a caller does. */
    const commit = async (key: string) => {
      for (;;) {
        try {
          await credits.commit(key);
          acknowledged.add(key);
          return;
        } catch (error) {
          if (!isFault(error, 'DATABASE_UNAVAILABLE')) throw error;
          outages += 1;
          await eventually(() => database.check());
        }
      }
    };
    const callers = Array.from({ length: 64 }, async (_, caller) => {
      for (let n = 0; n < 60; n += 1) await commit(`${caller} ${n}`);
    });
    const load = Promise.all(callers);
    for (const enough of [800, 2_400]) {
      const reached = vi.waitFor(() => expect(acknowledged.size).toBeGreaterThanOrEqual(enough), {
        timeout: 90_000,
        interval: 20,
      });
      await Promise.race([load, reached]);
      await postgres.kill();
      const survived = new Set(acknowledged);
      await postgres.revive();
      await eventually(() => database.check());
      const kept = await credited(database);
      expect([...survived].filter((key) => !kept.has(key))).toEqual([]);
      expect(await findLedgerProblems(database.sql)).toEqual([]);
    }
    await load;

    expect(outages).toBeGreaterThan(0);
    expect(acknowledged.size).toBe(64 * 60);
    const [line] = await createLedger({ database }).balancesOf(['wallet']);
    expect(line?.balance).toBe(64n * 60n);
    expect(await findLedgerProblems(database.sql)).toEqual([]);
  },
);

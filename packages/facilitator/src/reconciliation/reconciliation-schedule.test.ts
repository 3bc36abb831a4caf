import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { createLogger } from '../logging/logger.js';
import { BASE_SEPOLIA_USDC } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Reconcile } from './reconcile.js';
import { createReconciliationSchedule } from './reconciliation-schedule.js';
import type { ReconciliationReport } from './report.js';
import { startTestFacilitator } from '../../../../test/support/test-facilitator.js';
import { evmUsdc } from '../../../../test/operations/books-scene.js';

const clean: ReconciliationReport = {
  ...{ id: 1n, startedBy: 'schedule', startedAt: new Date(0), outcome: 'clean', compared: 1, differing: 0 },
  ...{ discrepancyRate: '0.0000', custody: [], counts: [], differences: [], unchecked: [], frozen: [] },
};

describe('a schedule that several processes share', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase();
  });
  afterAll(() => db.drop());

  function scheduleWith(reconcile: Reconcile, intervalSeconds = 900) {
    const log = createLogger({ level: 'silent' });
    return createReconciliationSchedule({ database: db.database, reconcile, intervalSeconds, log });
  }

  const makeDue = () => db.database.sql`UPDATE reconciliation_turn SET due_at = now() - interval '1 second'`;

  async function dueInSeconds(): Promise<number> {
    const [row] = await db.database.sql<{ seconds: string }>`
      SELECT extract(epoch FROM due_at - now())::text AS seconds FROM reconciliation_turn`;
    return Number(row?.seconds);
  }

  test('is not due before an interval has passed, and a shorter interval counts at once', async () => {
    const reconcile = vi.fn<Reconcile>(() => Promise.resolve(clean));
    for (const seconds of [900, 60, 300]) {
      const schedule = scheduleWith(reconcile, seconds);
      await schedule.start();
      expect(await schedule.runIfDue()).toBe(false);
      await schedule.stop();
    }
    expect(await dueInSeconds()).toBeLessThanOrEqual(60);
    expect(reconcile).not.toHaveBeenCalled();
  });

  test('is run by one of them when it is due, and is due again an interval later', async () => {
    const reconcile = vi.fn<Reconcile>(() => Promise.resolve(clean));
    await makeDue();
    const ran = await Promise.all(Array.from({ length: 8 }, () => scheduleWith(reconcile).runIfDue()));
    expect(ran.filter(Boolean)).toHaveLength(1);
    expect(reconcile).toHaveBeenCalledTimes(1);
    expect(await dueInSeconds()).toBeGreaterThan(890);
  });

  test('is tried again soon where something could not be compared, and later where it failed or its process died', async () => {
    await makeDue();
    await scheduleWith(() => Promise.resolve({ ...clean, outcome: 'incomplete' })).runIfDue();
    expect(await dueInSeconds()).toBeLessThanOrEqual(60);
    await makeDue();
    await expect(scheduleWith(() => Promise.reject(new Error('gone'))).runIfDue()).rejects.toThrow('gone');
    expect(await dueInSeconds()).toBeLessThanOrEqual(900);
    expect(await dueInSeconds()).toBeGreaterThan(800);
  });
});

test('the service finds by itself what moved behind its back', async () => {
  const facilitator = await startTestFacilitator({ svm: false, env: () => ({ RECONCILE_INTERVAL_SECONDS: '10' }) });
  try {
    const text = async (path: string) => (await fetch(`${facilitator.url()}${path}`)).text();
    await vi.waitFor(
      async () => expect(await text('/metrics')).toContain('tollkeeper_reconciliation_outcome{outcome="clean"} 1'),
      { timeout: 90_000, interval: 100 },
    );
    await facilitator.evm.mint({
      token: BASE_SEPOLIA_USDC,
      to: facilitator.wallet.evm as `0x${string}`,
      amount: 12_345n,
    });
    await facilitator.evm.mine(2);
    const { network, token } = evmUsdc;
    await vi.waitFor(async () => expect(await text('/ready')).toContain('"outflows"'), {
      timeout: 90_000,
      interval: 100,
    });
    const metrics = await text('/metrics');
    expect(metrics).toContain(`tollkeeper_stopped{kind="outflows",network="${network}",asset="${token}"} 1`);
    expect(metrics).toContain(
      `tollkeeper_reconciliation_differences{check="custody",network="${network}",asset="${token}"} 1`,
    );
    const [row] = await facilitator.database.database.sql<{ by: string; report: ReconciliationReport }>`
      SELECT started_by AS by, report FROM reconciliation WHERE outcome = 'different' ORDER BY id LIMIT 1`;
    expect(row).toMatchObject({
      by: 'schedule',
      report: { differences: [{ check: 'custody', expected: '0', found: '12345' }] },
    });
  } finally {
    await facilitator.stop();
  }
});

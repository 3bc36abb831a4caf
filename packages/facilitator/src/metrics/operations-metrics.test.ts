import { parseNetwork } from '@tollkeeper/protocol';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { PastReconciliation } from '../reconciliation/reconciliation-history.js';
import { measureOperations } from './operations-metrics.js';

const asset = { network: parseNetwork('eip155:84532') ?? expect.fail(), token: 'usdc' };
const clean: PastReconciliation = {
  id: 1n,
  startedBy: 'schedule',
  startedAt: new Date(99_000),
  finishedAt: new Date(100_000),
  outcome: 'clean',
  compared: 10n,
  differing: 0n,
  counts: [],
};

test('a scrape tells of the last reconciliation and no other, in one read, and without one it tells nothing', async () => {
  let last: PastReconciliation | undefined;
  let reads = 0;
  let isAway = false;
  const registry = new Registry();
  measureOperations(registry, {
    stopped: () => [],
    lastReconciliation: () => {
      reads += 1;
      return isAway ? Promise.reject(new Error('away')) : Promise.resolve(last);
    },
  });
  const scrape = async () => (await registry.metrics()).split('\n').filter((line) => /^tollkeeper_rec/.test(line));
  const prefix = 'tollkeeper_reconciliation_';

  expect(await scrape()).toEqual([]);
  last = clean;
  expect(await scrape()).toEqual([
    `${prefix}finished_timestamp_seconds 100`,
    `${prefix}outcome{outcome="clean"} 1`,
    `${prefix}outcome{outcome="different"} 0`,
    `${prefix}outcome{outcome="incomplete"} 0`,
  ]);
  last = {
    ...clean,
    finishedAt: new Date(200_000),
    outcome: 'different',
    counts: [{ check: 'custody', asset, count: 2 }],
  };
  expect(await scrape()).toEqual([
    `${prefix}finished_timestamp_seconds 200`,
    `${prefix}outcome{outcome="clean"} 0`,
    `${prefix}outcome{outcome="different"} 1`,
    `${prefix}outcome{outcome="incomplete"} 0`,
    `${prefix}differences{check="custody",network="eip155:84532",asset="usdc"} 2`,
  ]);
  expect(reads).toBe(3);
  isAway = true;
  expect(await scrape()).toEqual([]);
});

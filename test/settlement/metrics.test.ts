import { composeService, createLogger } from '@tollkeeper/facilitator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest, settle } from '../support/wire.js';

const payments = 6;

let facilitator: TestFacilitator;
let other: Awaited<ReturnType<typeof composeService>>;
let urls: readonly string[];

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false, overrides: { tendMs: 200 } });
  // It follows what the first one sends from the moment that it is stored.
  other = await composeService(facilitator.config, createLogger({ level: 'silent' }), { tendMs: 5 });
  urls = [facilitator.url(), await other.app.listen({ host: '127.0.0.1', port: 0 })];
});
afterAll(async () => {
  await other.close();
  await facilitator.stop();
});

test('whichever process sees its end, a transaction counts once, and so does a payment', async () => {
  for (let count = 0; count < payments; count += 1) {
    await stopTime(facilitator, 'EVM');
    const answer = settle(facilitator.url(), await freshRequest(facilitator, 'EVM'));
    // Long enough for the other one to find it.
    await eventually(async () => expect(await readings('tollkeeper_transactions_followed')).toEqual([1, 1]));
    await resumeTime(facilitator, 'EVM');
    expect((await answer).body).toMatchObject({ success: true });
    await eventually(async () => expect(await readings('tollkeeper_transactions_followed')).toEqual([0, 0]));
  }
  expect(sum(await readings('tollkeeper_transactions_total', 'included'))).toBe(payments);
  expect(sum(await readings('tollkeeper_payments_concluded_total', 'settled'))).toBe(payments);
  expect(await readings('tollkeeper_unsigned_payments')).toEqual([0, 0]);
});

/** What each process shows; 0 where it has nothing to show yet. */
async function readings(metric: string, state?: string): Promise<readonly number[]> {
  const line = new RegExp(`^${metric}\\{[^}]*${state === undefined ? '' : `state="${state}"`}[^}]*\\} (\\d+)$`, 'm');
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()));
  return texts.map((text) => Number(line.exec(text)?.[1] ?? 0));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

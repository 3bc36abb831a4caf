import { composeService, createLogger } from '@tollkeeper/facilitator';
import { faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
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
  expect(sum(await readings('tollkeeper_transactions_total', { state: 'included' }))).toBe(payments);
  expect(sum(await readings('tollkeeper_payments_concluded_total', { state: 'settled' }))).toBe(payments);
  expect(await readings('tollkeeper_unsigned_payments')).toEqual([0, 0]);
});

test('bytes that the chain does not show are counted each time that they are sent again', async () => {
  const before = sum(await readings('tollkeeper_transactions_resent_total'));
  const sends = facilitator.evmRpc.calls('eth_sendRawTransaction');
  const refusal = { kind: 'error', code: -32_000, message: 'txpool is full' } as const;
  facilitator.evmRpc.use(faultOn('eth_sendRawTransaction', refusal, [sends + 1]));
  expect((await settle(facilitator.url(), await freshRequest(facilitator, 'EVM'))).body).toMatchObject({
    success: true,
  });
  const resent = facilitator.evmRpc.calls('eth_sendRawTransaction') - sends - 1;
  expect(resent).toBeGreaterThan(0);
  expect(sum(await readings('tollkeeper_transactions_resent_total'))).toBe(before + resent);
});

test('what a signer has, and the state of each endpoint, can be read', async () => {
  const { address } = sandboxKeys.evm.facilitator;
  await facilitator.evm.rpc('anvil_setBalance', [address, numberToHex(2_500_000_000_000_000_000n)]);
  await eventually(async () => {
    expect(await readings('tollkeeper_signer_balance', { signer: address })).toEqual([2.5, 2.5]);
  });
  await eventually(async () => {
    expect(await readings('tollkeeper_rpc_endpoint', { endpoint: '1', state: 'serving' })).toEqual([1, 1]);
    expect(await readings('tollkeeper_rpc_endpoint')).toEqual([1, 1]);
  });
});

/** What each process shows. */
function readings(metric: string, labels?: Readonly<Record<string, string>>): Promise<readonly number[]> {
  return Promise.all(urls.map((url) => metricOf(url, metric, labels)));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

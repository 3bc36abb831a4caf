import { systemClock } from '@tollkeeper/protocol';
import { createSvmNetwork } from '@tollkeeper/svm/network';
import { sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createReconciliation, type Reconcile } from './reconcile.js';
import { eager, pay } from '../../../../test/finality/finality-scene.js';
import { startTestFacilitator, type TestFacilitator } from '../../../../test/support/test-facilitator.js';
import { svmUsdc } from '../../../../test/operations/books-scene.js';

/** A chain on which a payment stays without a root for longer than a machine stalls. */
const slotsToRoot = 60;
const slowlyRooted = { slotMs: 200, commitmentLag: { confirmed: 1, finalized: slotsToRoot } };

let facilitator: TestFacilitator;
let reconcile: Reconcile;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ evm: false, svm: slowlyRooted, overrides: eager });
  const { chain } = createSvmNetwork({
    network: svmUsdc.network,
    rpcUrls: [facilitator.svm.url],
    feePayerKey: sandboxKeys.svm.facilitator.privateKeyBase58,
    assets: [svmUsdc.token],
    clock: systemClock,
    onRpcCall: () => undefined,
    onWarning: () => undefined,
  });
  reconcile = createReconciliation({
    database: facilitator.database.database,
    chains: [chain],
    assets: [svmUsdc],
    clock: systemClock,
    settlingMs: 0,
  });
});
afterAll(() => facilitator.stop());

test('on Solana a payment is compared from the slot on that is rooted, and agrees before and after', async () => {
  await pay(facilitator, 'Solana');
  facilitator.svm.pauseSlots();
  expect(await reconcile('command')).toMatchObject({ outcome: 'clean', custody: [{ chain: 0n, ledger: 0n }] });
  facilitator.svm.advanceSlots(slotsToRoot + 1);
  expect(await reconcile('command')).toMatchObject({
    outcome: 'clean',
    custody: [{ chain: 10_000n, ledger: 10_000n }],
  });
});

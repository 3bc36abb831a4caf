import { numberToHex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { createPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { settle } from '../support/wire.js';
import { eager, pay, reorg, reported, slowlyFinal } from './finality-scene.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    svm: false,
    evm: slowlyFinal,
    env: () => ({ REPLACE_AFTER_MS: '1000', SETTLE_WAIT_MS: '60000', EVM_SIGNER_BALANCE_MIN_WEI: '1' }),
    overrides: { ...eager, tendMs: 200 },
  });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('what a reorg drops is outbid when the network has become dear, and what is behind it moves', async () => {
  const [request, next] = [await payment(), await payment()];
  const paid = await pay(facilitator, 'EVM', request);
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  await eventually(async () => expect(await countPending()).toBe(0));

  await stopTime(facilitator, 'EVM');
  await reorg(facilitator.evm, 1);
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  await mineDearBlock();
  await mineDearBlock();
  let told: Awaited<ReturnType<typeof settle>>['body'] | undefined;
  const answer = settle(facilitator.url(), next).then(({ body }) => (told = body));
  await eventually(async () => {
    await mineDearBlock();
    expect(told).toBeDefined();
  });
  expect(await answer).toMatchObject({ success: true });
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  await eventually(async () => {
    await mineDearBlock();
    expect(await countPending()).toBe(0);
  });
}, 120_000);

async function payment() {
  return (await createPayer(facilitator.evm, { payTo: facilitator.wallet.evm })).request;
}

/** At more than twice the fee that was offered before. */
async function mineDearBlock(): Promise<void> {
  await facilitator.evm.rpc('anvil_setNextBlockBaseFeePerGas', [numberToHex(20_000_000_000n)]);
  await facilitator.evm.rpc('evm_mine', []);
}

async function countPending(): Promise<number> {
  return (await facilitator.database.database.sql`SELECT FROM chain_transaction WHERE state = 'pending'`).length;
}

import { faultOn } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { createPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { settle } from '../support/wire.js';
import { eager, pay, rawOf, reorg, reported, slowlyFinal, type Paid } from './finality-scene.js';

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
  await resumeTime(facilitator, 'EVM');
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
  await reported(facilitator, paid, { credited: true });
  await eventually(async () => {
    await mineDearBlock();
    expect(await countPending()).toBe(0);
  });
});

test('what a reorg dropped is closed again at the fee of the block that has it then', async () => {
  const paid = await pay(facilitator, 'EVM', await payment());
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  await eventually(async () => expect(await countPending()).toBe(0));
  const [raw, fee] = [await rawOf(facilitator.evm, paid.transaction), await feeOf(paid)];

  // The node takes nothing from us for a while, so that the place is open again.
  facilitator.evmRpc.use(faultOn('eth_sendRawTransaction', { kind: 'drop' }));
  await stopTime(facilitator, 'EVM');
  await reorg(facilitator.evm, 1);
  await reported(facilitator, paid, { finality: 'reversed', credited: false });
  await eventually(async () => expect(await countPending()).toBeGreaterThan(0));
  expect(await gasSpent()).toBe(await feesPaid());
  await facilitator.evm.rpc('eth_sendRawTransaction', [raw]);
  await mineAt(1_500_000_000n);
  facilitator.evmRpc.reset();
  await reported(facilitator, paid, { finality: 'confirmed', credited: true });
  await eventually(async () => expect(await countPending()).toBe(0));
  expect(await feeOf(paid)).not.toBe(fee);
  expect(await gasSpent()).toBe(await feesPaid());
});

async function payment() {
  return (await createPayer(facilitator.evm, { payTo: facilitator.wallet.evm })).request;
}

/** At more than twice the fee that was offered before. */
function mineDearBlock(): Promise<void> {
  return mineAt(20_000_000_000n);
}

async function mineAt(baseFee: bigint): Promise<void> {
  await facilitator.evm.rpc('anvil_setNextBlockBaseFeePerGas', [numberToHex(baseFee)]);
  await facilitator.evm.rpc('evm_mine', []);
}

async function feeOf({ transaction }: Paid): Promise<bigint | undefined> {
  const [row] = await facilitator.database.database.sql<{ fee: bigint }>`
    SELECT fee_paid AS fee FROM chain_transaction WHERE transaction = ${transaction}`;
  return row?.fee;
}

async function feesPaid(): Promise<bigint> {
  const [row] = await facilitator.database.database.sql<{ fees: bigint }>`
    SELECT coalesce(sum(fee_paid), 0) AS fees FROM chain_transaction`;
  return row?.fees ?? 0n;
}

async function gasSpent(): Promise<bigint> {
  const [row] = await facilitator.database.database.sql<{ spent: bigint }>`
    SELECT balance.debit - balance.credit AS spent FROM balance
    JOIN account ON account.id = balance.account_id WHERE account.kind = 'gas_spent'`;
  return row?.spent ?? 0n;
}

async function countPending(): Promise<number> {
  return (await facilitator.database.database.sql`SELECT FROM chain_transaction WHERE state = 'pending'`).length;
}

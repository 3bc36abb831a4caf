import { BASE_SEPOLIA_USDC, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { numberToHex } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { carryOut, createPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf } from '../support/traces.js';
import { settle } from '../support/wire.js';

const { facilitator: signer, merchant, stranger } = sandboxKeys.evm;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false, overrides: { tendMs: 100 } });
});
afterAll(() => facilitator.stop());

test('what a stranger carries out while a claim waits for a process that can sign is settled with that hash', async () => {
  const { answer, theirs } = await overtakeInQueue(facilitator.wallet.evm, async () => {
    const rows = await facilitator.database.database.sql`
      SELECT FROM payment WHERE state = 'claimed' AND claimed_at_block IS NOT NULL`;
    expect(rows).toHaveLength(1);
  });
  expect(answer.body).toMatchObject({ success: true, transaction: theirs });
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ broadcasts: 0, credited: 10_000n, payments: 1 });
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('where the height of such a claim could not be read, what was used meanwhile is refused', async () => {
  const { evmRpc, database } = facilitator;
  const before = evmRpc.calls('eth_blockNumber');
  const letPass = evmRpc.use(faultOn('eth_blockNumber', { kind: 'error', code: -32_000, message: 'busy' }));
  const { answer } = await overtakeInQueue(merchant.address, async () => {
    expect(await database.database.sql`SELECT FROM payment WHERE state = 'claimed'`).toHaveLength(1);
    expect(evmRpc.calls('eth_blockNumber')).toBeGreaterThan(before);
  }).finally(letPass);
  expect(answer.body).toMatchObject({ success: false, errorReason: 'invalid_exact_evm_nonce_already_used' });
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ broadcasts: 0, payments: 1 });
});

/** No signer has money while a payment is claimed and a stranger carries it out. */
async function overtakeInQueue(payTo: string, isClaimed: () => Promise<void>) {
  const { evm } = facilitator;
  await fund(1n);
  await eventually(async () => expect(await signersShort()).toBe(1));
  const payer = await createPayer(evm, { payTo });
  const answer = settle(facilitator.url(), payer.request);
  await eventually(isClaimed);
  const from = stranger.address;
  const theirs = await evm.rpc('eth_sendTransaction', [{ to: BASE_SEPOLIA_USDC, ...carryOut(payer, from) }]);
  await eventually(async () => expect(await evm.rpc('eth_getTransactionReceipt', [theirs])).not.toBeNull());
  await fund(10n ** 18n);
  return { answer: await answer, theirs };
}

async function fund(wei: bigint): Promise<void> {
  await facilitator.evm.rpc('anvil_setBalance', [signer.address, numberToHex(wei)]);
}

async function signersShort(): Promise<number> {
  const text = await (await fetch(`${facilitator.url()}/metrics`)).text();
  return Number(/^tollkeeper_signers_short_of_funds\{.*\} (\d+)$/m.exec(text)?.[1] ?? NaN);
}

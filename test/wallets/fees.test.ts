import type { Sql } from '@tollkeeper/database';
import { BASE_SEPOLIA_USDC } from '@tollkeeper/sandbox';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { blocksToFinality, eager, pay, reorg, reported, slowlyFinal, type Paid } from '../finality/finality-scene.js';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { evmNetwork, startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { evmRequest } from '../support/wire.js';

const referrerId = '019b0000-0000-7000-8000-00000000aaaa';

let facilitator: TestFacilitator;
let merchantId: string;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false, evm: slowlyFinal, overrides: eager });
  const [row] = await sql()<{
    id: string;
  }>`SELECT merchant_id AS id FROM wallet WHERE id = ${facilitator.wallet.id}::uuid`;
  merchantId = row?.id ?? '';
  await sql()`INSERT INTO merchant (id, name) VALUES (${referrerId}::uuid, 'referrer')`;
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  const unbalanced = await sql()`SELECT FROM trial_balance WHERE debit <> credit`;
  expect(unbalanced).toEqual([]);
});

test('without terms a payment costs nothing', async () => {
  const before = await holdings();
  await finish(await payAmount(10_000n));
  expect(await gains(before)).toEqual({ merchant_available: 10_000n });
  expect(await sql()`SELECT FROM payment_fee`).toEqual([]);
});

test('the terms of the claim apply, whatever is agreed before the payment is final', async () => {
  await agree({ bps: 100n, fixed: 5n });
  const before = await holdings();
  const paid = await payAmount(10_000n);
  await agree({ bps: 9_000n, fixed: 0n });
  await finish(paid);
  expect(await gains(before)).toEqual({ merchant_available: 9_895n, fees_earned: 105n });
  await agree({ bps: 100n, fixed: 5n });
});

test('nothing is shared out before the payment is final, so a reorg takes the whole payment back', async () => {
  const before = await holdings();
  const paid = await payAmount(777n);
  expect(await gains(before)).toEqual({ merchant_pending: 777n });
  // While nothing is mined: what is sent again could be back before anybody saw that it was gone.
  await stopTime(facilitator, 'EVM');
  await reorg(facilitator.evm, 3);
  await reported(facilitator, paid, { finality: 'reversed' });
  await resumeTime(facilitator, 'EVM');
  await reported(facilitator, paid, { finality: 'confirmed' });
  await facilitator.evm.mine(blocksToFinality + 5);
  await reported(facilitator, paid, { finality: 'final' });
  expect(await gains(before)).toEqual({ merchant_available: 765n, fees_earned: 12n });
});

test('a fee above the payment takes the payment and no more', async () => {
  await agree({ bps: 0n, fixed: 50n });
  const before = await holdings();
  await finish(await payAmount(3n));
  expect(await gains(before)).toEqual({ fees_earned: 3n });
});

test('the referrer gets its share of the fee, once, and what cannot be split is nobody’s', async () => {
  await agree({ bps: 0n, fixed: 7n });
  await sql()`INSERT INTO referral (merchant_id, referrer_id, share_bps) VALUES (${merchantId}::uuid, ${referrerId}::uuid, 5000)`;
  const before = await holdings();
  const paid = await payAmount(10_000n);
  await finish(paid);
  expect(await gains(before)).toEqual({
    merchant_available: 9_993n,
    fees_earned: 3n,
    referral_payable: 3n,
    rounding: 1n,
  });
  const again = sql()`
    INSERT INTO payment_fee SELECT payment_id, merchant_id, terms_id, gross, net, fee, referral, rounding, referrer_id
    FROM payment_fee WHERE payment_id = ${paid.paymentId}::uuid`;
  await expect(again).rejects.toMatchObject({ code: '23505' });
});

test('payments that become final together are shared out as each alone', async () => {
  const before = await holdings();
  const paid = await Promise.all([1n, 8n, 1_000n, 10_000n].map(payAmount));
  await finish(...paid);
  expect(await gains(before)).toEqual({
    // 7 units of each, and of the smallest all that there is; halves go to the referrer, odd units to nobody.
    merchant_available: 0n + 1n + 993n + 9_993n,
    fees_earned: 0n + 3n + 3n + 3n,
    referral_payable: 0n + 3n + 3n + 3n,
    rounding: 1n + 1n + 1n + 1n,
  });
});

test('a reward that is refused blocks no payment, and its share stays with the fee', async () => {
  await asOwner(`UPDATE account SET closed_at = now() WHERE kind = 'referral_payable'`);
  const before = await holdings();
  const paid = await Promise.all([10_000n, 20_000n].map(payAmount));
  await finish(...paid);
  expect(await gains(before)).toEqual({ merchant_available: 29_986n, fees_earned: 14n });
  const refused = await sql()<{ reason: string }>`
    SELECT refused_reward AS reason FROM payment_fee
    WHERE payment_id = ANY(${paid.map(({ paymentId }) => paymentId)}::uuid[])`;
  expect(refused.map(({ reason }) => reason)).toEqual(['LEDGER_ACCOUNT_CLOSED', 'LEDGER_ACCOUNT_CLOSED']);
});

async function agree({ bps, fixed }: { bps: bigint; fixed: bigint }): Promise<void> {
  await sql()`
    INSERT INTO fee_terms (merchant_id, network, token, bps, fixed)
    VALUES (${merchantId}::uuid, ${evmNetwork}, ${BASE_SEPOLIA_USDC}, ${bps}, ${fixed})`;
}

async function payAmount(amount: bigint): Promise<Paid> {
  return pay(facilitator, 'EVM', await evmRequest({ payTo: facilitator.wallet.evm, value: amount }));
}

async function finish(...paid: readonly Paid[]): Promise<void> {
  await facilitator.evm.mine(blocksToFinality);
  for (const each of paid) await reported(facilitator, each, { finality: 'final' });
}

type Holdings = Readonly<Record<string, bigint>>;

async function holdings(): Promise<Holdings> {
  const rows = await sql()<{ kind: string; held: bigint }>`
    SELECT kind, sum(credit - debit) AS held FROM account JOIN balance ON account_id = account.id
    WHERE kind NOT IN ('custody', 'gas_spent', 'operator_funding') GROUP BY kind`;
  return Object.fromEntries(rows.map(({ kind, held }) => [kind, held]));
}

/** What changed since, by kind of account. */
async function gains(before: Holdings): Promise<Holdings> {
  const now = Object.entries(await holdings()).map(([kind, held]) => [kind, held - (before[kind] ?? 0n)] as const);
  return Object.fromEntries(now.filter(([, gain]) => gain !== 0n));
}

async function asOwner(statement: string): Promise<void> {
  const owner = new Client({ connectionString: facilitator.database.ownerUrl });
  await owner.connect();
  await owner.query(statement);
  await owner.end();
}

function sql(): Sql {
  return facilitator.database.database.sql;
}

import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { amount, baseSepolia, type Chain, type Payment, type VerifiedPayment } from '@tollkeeper/protocol';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addressesOfNewMerchant } from '../../../../test/support/merchant-addresses.js';
import { createLogger } from '../logging/logger.js';
import { createPaymentStore } from './payment-store.js';
import { createPlanAndSign } from './plan-and-sign.js';
import type { ReadyPayment } from './ready-payment.js';
import { createReadyQueue } from './ready-queue.js';
import { createSigning } from './sign-and-store.js';
import { createSponsorship } from './sponsorship.js';

const network = baseSepolia;
const token = '0x00000000000000000000000000000000000000bb';
const signer = '0x00000000000000000000000000000000000000AA';
const budget = 100n;

let testDatabase: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await testDatabase.drop();
});

test('a crowd for a payTo whose budget is spent costs the lane as many attempts as one payment does', async () => {
  const lane = openLane();
  const [spent, other] = [randomUUID(), randomUUID()];
  await lane.sign([await lane.payment({ payTo: spent, fee: budget })]);
  const told = await lane.sign([
    ...(await Promise.all(Array.from({ length: 20 }, () => lane.payment({ payTo: spent, fee: 1n })))),
    await lane.payment({ payTo: other, fee: 1n }),
  ]);
  expect(told).toEqual([...Array<string>(20).fill('refused'), 'submitted']);
  // The one before, all together, those without the crowd, and one of the crowd.
  expect(lane.attempts()).toBe(4);
});

test('all addresses of a merchant whose budget is spent cost the lane as much as one', async () => {
  const lane = openLane();
  const [first = '', ...others] = await addressesOfNewMerchant(owner, network, 21);
  await lane.sign([await lane.payment({ payTo: first, fee: budget })]);
  const told = await lane.sign(await Promise.all(others.map((payTo) => lane.payment({ payTo, fee: 1n }))));
  expect(told).toEqual(Array<string>(20).fill('refused'));
  expect(lane.attempts()).toBe(3);
});

test('what a budget still suffices for is signed, in company of a payment to the same payTo for which it does not', async () => {
  const lane = openLane();
  const payTo = randomUUID();
  const fees = [budget + 1n, budget / 2n, budget, 1n];
  const payments = await Promise.all(fees.map((fee) => lane.payment({ payTo, fee })));
  expect(await lane.sign(payments)).toEqual(['refused', 'submitted', 'refused', 'submitted']);
});

/** What signs with an account, and counts how often it tries to. */
function openLane() {
  const { database } = testDatabase;
  const processId = randomUUID();
  const store = createPaymentStore({ database, processId });
  const chain = { network, signers: [signer], ordered: true } as Partial<Chain> as Chain;
  const sponsorship = createSponsorship({ network, dailyBudget: () => budget });
  const signAndStore = createSigning({ database, chain, processId, sponsorship, checkpoint: () => undefined });
  const ends = new Map<string, string>();
  let attempts = 0;
  const end = (id: string, outcome: Parameters<ReadyPayment['end']>[0]) =>
    ends.set(id, outcome === 'stale' ? outcome : outcome.kind);
  const planAndSign = createPlanAndSign({
    chain,
    queue: createReadyQueue(chain),
    signer,
    lane: () => null,
    signAndStore(...transactions) {
      attempts += 1;
      return signAndStore(...transactions);
    },
    send(payments, transactions) {
      const [sent] = transactions;
      for (const each of payments) if (sent !== undefined) each.end({ kind: 'submitted', sent });
      return Promise.resolve();
    },
    onLaneLost: () => expect.fail('no lane is needed'),
    log: createLogger({ level: 'silent' }),
  });

  return {
    attempts: () => attempts,
    async sign(payments: readonly ReadyPayment[]) {
      await planAndSign(payments);
      return payments.map(({ paymentId }) => ends.get(paymentId));
    },
    async payment({ payTo, fee }: { readonly payTo: string; readonly fee: bigint }): Promise<ReadyPayment> {
      const [paymentId, claimKey, payer] = [randomUUID(), randomUUID(), randomUUID()];
      const asset = { network, token };
      const authorization = { scheme: 'exact', claimKey, payer, payTo, asset, amount: amount(1n) };
      const requirements = { scheme: 'exact', network, amount: amount(1n), asset: token, payTo };
      const request = { x402Version: 2, accepted: {}, requirements, payload: {} } as unknown as Payment;
      expect(await store.claim({ id: paymentId, authorization, request, held: true })).toBe(true);
      return {
        paymentId,
        payment: { authorization, room: fee, plan: planOf(fee) } as VerifiedPayment,
        knownInFlight: new Set(),
        alone: false,
        claimHeight: Promise.resolve(undefined),
        end: (outcome) => end(paymentId, outcome),
      };
    },
  };
}

/** A transaction costs what its payments cost. */
function planOf(fee: bigint): VerifiedPayment['plan'] {
  return ({ company }) => {
    const maximumFee = company.reduce((total, { room }) => total + (room ?? 0n), fee);
    const sign = () => ({ id: randomUUID(), raw: new Uint8Array([1]), signer });
    return Promise.resolve({ planned: true, plan: { signer, ordered: true, maximumFee, sign } });
  };
}

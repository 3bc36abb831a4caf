import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import {
  amount,
  baseMainnet,
  baseSepolia,
  type Chain,
  type Network,
  type Payment,
  type VerifiedPayment,
} from '@tollkeeper/protocol';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { untilSessionsWait } from '../../../../test/support/waiting-sessions.js';
import { createPayerStandings } from './payer-standing.js';
import { createPaymentStore } from './payment-store.js';
import type { ReadyPayment } from './ready-payment.js';
import { createSigning, type Signing } from './sign-and-store.js';
import { createSponsorship } from './sponsorship.js';

/** The same on every network, as tokens deployed by CREATE2 are. */
const token = '0x00000000000000000000000000000000000000bb';
const payer = '0xpayer';
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

/** Verifies a payment of the payer, so that what it has in flight then is known, and answers what signs it. */
async function verify(network: Network): Promise<() => Promise<Signing['kind']>> {
  const { database } = testDatabase;
  const processId = randomUUID();
  const authorization = {
    scheme: 'exact',
    claimKey: randomUUID(),
    payer,
    payTo: '0xpayee',
    asset: { network, token },
    amount: amount(1n),
  };
  const requirements = { scheme: 'exact', network, amount: amount(1n), asset: token, payTo: '0xpayee' };
  const request = { x402Version: 2, accepted: {}, requirements, payload: {} } as unknown as Payment;
  const paymentId = randomUUID();
  const store = createPaymentStore({ database, processId });
  expect(await store.claim({ id: paymentId, authorization, request, held: true })).toBe(true);
  const { inFlight } = await createPayerStandings({ database, network })({ payer, token });
  const ready: ReadyPayment = {
    paymentId,
    payment: { authorization } as VerifiedPayment,
    knownInFlight: new Set(inFlight.map((known) => known.paymentId)),
    alone: false,
    claimHeight: Promise.resolve(undefined),
    end: () => undefined,
  };
  const chain = { network, signers: ['0xsigner'], ordered: false } as Partial<Chain> as Chain;
  const sponsorship = createSponsorship({ network, dailyBudget: () => undefined });
  const signAndStore = createSigning({ database, chain, processId, sponsorship, checkpoint: () => undefined });
  const plan = {
    signer: '0xsigner',
    ordered: false,
    maximumFee: 1n,
    sign: () => ({ id: randomUUID(), raw: new Uint8Array([1]), signer: '0xsigner' }),
  };
  return async () => (await signAndStore([{ plan, payments: [ready] }], undefined)).kind;
}

test('what a payer has sent since a payment was verified sends it back, on the same network only', async () => {
  const [first, second, elsewhere] = [await verify(baseMainnet), await verify(baseMainnet), await verify(baseSepolia)];
  expect(await first()).toBe('stored');
  expect(await second()).toBe('without');
  expect(await elsewhere()).toBe('stored');
  expect(await (await verify(baseMainnet))()).toBe('stored');
});

test('a claim that has gone to another process is not signed by the one that had it', async () => {
  const sign = await verify(baseMainnet);
  await owner.query(`UPDATE payment SET lease_holder = gen_random_uuid() WHERE state = 'claimed'`);
  expect(await sign()).toBe('without');
});

test('of two processes that sign for one payer at the same moment, the later one goes back', async () => {
  const signs = [await verify(baseMainnet), await verify(baseMainnet)];
  // Neither can store what it has signed before both are at it.
  await owner.query('BEGIN; LOCK TABLE chain_transaction IN SHARE MODE');
  const signing = signs.map((sign) => sign());
  await untilSessionsWait(testDatabase, 2);
  await owner.query('COMMIT');
  expect((await Promise.all(signing)).toSorted()).toEqual(['stored', 'without']);
});

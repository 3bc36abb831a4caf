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
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPayerStandings } from './payer-standing.js';
import { createPaymentStore } from './payment-store.js';
import type { ReadyPayment } from './ready-payment.js';
import { createSigning, type Signing } from './sign-and-store.js';
import { createSponsorship } from './sponsorship.js';

/** The same on every network, as tokens deployed by CREATE2 are. */
const token = '0x00000000000000000000000000000000000000bb';
const payer = '0xpayer';
let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

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

import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { type AcceptablePayment, amount, baseSepolia, Fault, type Payment, systemClock } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../logging/logger.js';
import { createClaimLimit } from './claim-limit.js';
import { createClaiming } from './claiming.js';
import { createLastingWrites } from './lasting-writes.js';
import { createPaymentSignal } from './payment-signal.js';
import { createPaymentStore } from './payment-store.js';

const network = baseSepolia;
const token = '0x00000000000000000000000000000000000000bb';

let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

test('a claim that could not be announced to those who can sign waits for them all the same', async () => {
  const { database } = testDatabase;
  const log = createLogger({ level: 'silent' });
  const store = createPaymentStore({ database, processId: randomUUID() });
  const claimLimit = createClaimLimit(1);
  const claiming = createClaiming({
    store,
    signal: createPaymentSignal({ database, log }),
    clock: systemClock,
    log,
    claimLimit,
    submitter: {
      takesClaims: () => false,
      submit: () => expect.fail('it cannot sign'),
      announceQueued: () => Promise.reject(new Fault('DATABASE_UNAVAILABLE')),
    },
    writes: createLastingWrites({ log }),
  });
  const requirements = { scheme: 'exact', network, amount: amount(1n), asset: token, payTo: '0xpayee' };
  const authorization = {
    scheme: 'exact',
    claimKey: randomUUID(),
    payer: '0xpayer',
    payTo: '0xpayee',
    asset: { network, token },
    amount: amount(1n),
  };
  const request = { x402Version: 2, accepted: {}, requirements, payload: {} } as unknown as Payment;
  const acceptable = { authorization } as AcceptablePayment;

  const own = await claiming.begin({ x402Version: 2, request, authorization, start: { acceptable } });
  const queued = await createPaymentStore({ database, processId: randomUUID() }).takeQueued(network, 1);
  expect(queued.map(({ paymentId }) => paymentId)).toEqual([own?.paymentId]);
  expect(claimLimit.taken(network)).toBe(1);
  own?.leave();
  expect(claimLimit.taken(network)).toBe(0);
});

import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { createLedger } from '@tollkeeper/ledger';
import { baseSepolia, type ClaimedTransfer, type Rejection } from '@tollkeeper/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { storeSigned, type SentTransaction } from './chain-transactions.js';
import { createClosing } from './close-transactions.js';

const network = baseSepolia;
const rejection: Rejection = { reason: 'unexpected_settle_error', detail: 'It moved nothing' };

let testDatabase: TestDatabase;
/** Payments that are signed for and have no outcome. */
let payments: readonly string[];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
beforeEach(async () => {
  const { sql } = testDatabase.database;
  const rows = await sql<{ id: string }>`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, request)
    SELECT gen_random_uuid(), gen_random_uuid(), 'exact', ${network}, 'token', 1, 'payer', 'payee', 2, ''
    FROM generate_series(1, 2) RETURNING id`;
  payments = rows.map(({ id }) => id);
  await sql`UPDATE payment SET state = 'submitted', submitted_at = now() WHERE id = ANY(${payments}::uuid[])`;
});
afterAll(() => testDatabase.drop());

/** Signs a transaction for these payments, which waits for a block then. */
async function sign(paymentIds: readonly string[]): Promise<SentTransaction> {
  const signed = { id: randomUUID(), raw: new Uint8Array([1]), signer: randomUUID(), accountNonce: 7n };
  const { database } = testDatabase;
  await database.transaction((sql) => storeSigned(sql, { network, transactions: [{ signed, paymentIds }] }));
  return { ...signed, network, legs: paymentIds.map((paymentId) => ({ paymentId, expected: {} as ClaimedTransfer })) };
}

/** Closes a transaction that is in a block and moved nothing. */
async function closeInVain(sent: SentTransaction) {
  const { database } = testDatabase;
  const close = createClosing({ database, ledger: createLedger({ database }), network, processId: randomUUID() });
  const failures = new Map(sent.legs.map(({ paymentId }) => [paymentId, rejection]));
  const { failed, retries } = await close([{ sent, state: 'included', failures }]);
  return { failed, retries: retries.toSorted() };
}

test('a payment fails only when no other transaction of its may move its money any more', async () => {
  const alone = payments.slice(0, 1);
  const [first, second] = [await sign(alone), await sign(alone)];
  expect(await closeInVain(first)).toEqual({ failed: [], retries: [] });
  expect(await closeInVain(second)).toEqual({ failed: alone, retries: [] });
});

test('what failed in company is sent again only when no other transaction of its may move its money any more', async () => {
  const [first, second] = [await sign(payments), await sign(payments)];
  expect(await closeInVain(first)).toEqual({ failed: [], retries: [] });
  expect(await closeInVain(second)).toEqual({ failed: [], retries: payments.toSorted() });
});

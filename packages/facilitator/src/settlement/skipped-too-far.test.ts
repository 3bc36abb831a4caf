import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { baseSepolia } from '@tollkeeper/protocol';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeSigned } from './chain-transactions.js';

const network = baseSepolia;
const signer = '0x00000000000000000000000000000000000000AA';
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

/** What docs/operations.md tells an operator to do for such a lane, of which the first empty place is 42. */
async function remedy(): Promise<string> {
  const page = await readFile(new URL('../../../../docs/operations.md', import.meta.url), 'utf8');
  const [, sql] = /^### A lane that skipped too far$.*?^```sql\n(.*?)^```/ms.exec(page) ?? [];
  return (sql ?? expect.fail('the page does not tell')).replaceAll('eip155:84532', network).replaceAll('0x…', signer);
}

async function sign(accountNonce: bigint, paymentIds: readonly string[]): Promise<void> {
  const signed = { id: randomUUID(), raw: new Uint8Array([1]), signer, accountNonce };
  await storeSigned(testDatabase.database.sql, { network, transactions: [{ signed, paymentIds }] });
  await owner.query('UPDATE payment SET transaction = $1 WHERE id = ANY($2)', [signed.id, paymentIds]);
}

test('a lane that skipped too far is set back, and passes the places again that it had given out beyond', async () => {
  const { rows } = await owner.query<{ id: string }>(
    `INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, request, submitted_at, state)
    VALUES (gen_random_uuid(), gen_random_uuid(), 'exact', $1, 'token', 1, 'payer', 'payee', 2, '', now(), 'submitted') RETURNING id`,
    [network],
  );
  const paymentIds = rows.map(({ id }) => id);
  await owner.query('INSERT INTO lane (network, signer, next_account_nonce) VALUES ($1, $2, 108)', [network, signer]);
  await sign(41n, []);
  await sign(107n, paymentIds);

  await owner.query(await remedy());
  expect((await owner.query('SELECT next_account_nonce AS next FROM lane')).rows).toEqual([{ next: '42' }]);
  expect((await owner.query('SELECT retry_alone FROM payment')).rows).toEqual([{ retry_alone: true }]);
  for (const place of [42n, 107n]) await sign(place, []);
  const { rows: places } = await owner.query(
    'SELECT account_nonce AS place, state FROM chain_transaction ORDER BY account_nonce, id',
  );
  expect(places).toEqual([
    { place: '41', state: 'pending' },
    { place: '42', state: 'pending' },
    { place: '107', state: 'replaced' },
    { place: '107', state: 'pending' },
  ]);
});

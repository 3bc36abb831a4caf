import { randomUUID } from 'node:crypto';
import { isUniqueViolation, sqlStateOf, type Sql } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let db: TestDatabase;
let sql: Sql;

beforeAll(async () => {
  db = await createTestDatabase();
  sql = db.database.sql;
});
afterAll(() => db.drop());

async function insertPayment(state: 'claimed' | 'submitted' | 'settled' | 'failed'): Promise<string> {
  const id = randomUUID();
  await sql`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, state, transaction,
      failure_reason, concluded_at)
    VALUES (${id}::uuid, ${id}, 'exact', 'eip155:84532', 'token', 1, 'payer', 'payee', 2, ${state},
      ${state === 'claimed' ? null : `hash of ${id}`}, ${state === 'failed' ? 'transaction_failed' : null},
      ${state === 'settled' || state === 'failed' ? new Date() : null})`;
  return id;
}

const remove = (id: string) => sql`DELETE FROM payment WHERE id = ${id}::uuid RETURNING id`;

describe('a payment', () => {
  test('that signed nothing may be forgotten', async () => {
    expect(await remove(await insertPayment('claimed'))).toHaveLength(1);
  });

  test.each(['submitted', 'settled', 'failed'] as const)('that is %s is never deleted', async (state) => {
    const id = await insertPayment(state);
    const error: unknown = await remove(id).catch((reason: unknown) => reason);
    expect(sqlStateOf(error)).toBe('42501');
    expect(await sql`SELECT state FROM payment WHERE id = ${id}::uuid`).toEqual([{ state }]);
  });

  test('is one row for each authorization', async () => {
    const id = await insertPayment('claimed');
    const again = sql`
      INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version)
      VALUES (${randomUUID()}::uuid, ${id}, 'exact', 'eip155:1', 'token', 2, 'other payer', 'other payee', 1)`;
    expect(isUniqueViolation(await again.catch((error: unknown) => error), 'payment_claim')).toBe(true);
  });

  const ended = new Date(0);
  test.each([
    { what: 'settled without a transaction', state: 'settled', transaction: null, reason: null, end: ended },
    { what: 'settled without an end', state: 'settled', transaction: 'hash', reason: null, end: null },
    { what: 'failed without a reason', state: 'failed', transaction: 'hash', reason: null, end: ended },
    { what: 'in flight and failed for a reason', state: 'submitted', transaction: 'hash', reason: 'why', end: null },
    { what: 'of no known state', state: 'lost', transaction: 'hash', reason: null, end: null },
  ])('cannot be $what', async ({ state, transaction, reason, end }) => {
    const inserting = sql`
      INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, state, transaction,
        failure_reason, concluded_at)
      VALUES (${randomUUID()}::uuid, ${randomUUID()}, 'exact', 'eip155:84532', 'token', 1, 'payer', 'payee', 2,
        ${state}, ${transaction}, ${reason}, ${end})`;
    expect(sqlStateOf(await inserting.catch((error: unknown) => error))).toBe('23514');
  });
});

describe('what was done on chain', () => {
  async function insertEffect(place: { network: string; transaction: string; position: string }, paymentId?: string) {
    await sql`INSERT INTO asset (network, token) VALUES ('eip155:84532', 'token') ON CONFLICT DO NOTHING`;
    await sql`
      INSERT INTO effect (network, transaction, position, asset_id, sender, recipient, amount, block_number, block_hash,
        payment_id)
      SELECT ${place.network}, ${place.transaction}, ${place.position}, id, 'sender', 'recipient', 1, 1, 'block',
        ${paymentId ?? null}::uuid
      FROM asset LIMIT 1`;
  }

  test('is recorded once for each place on a chain', async () => {
    const place = { network: 'eip155:84532', transaction: '0x01', position: '0' };
    await insertEffect(place);
    await expect(insertEffect(place)).rejects.toSatisfy((error) => isUniqueViolation(error));
    await insertEffect({ ...place, position: '1' });
    await insertEffect({ ...place, transaction: '0x02' });
    await insertEffect({ ...place, network: 'eip155:8453' });
  });

  test('leaves its place to another when a reorg took it back, and does not come back while that is there', async () => {
    const place = { network: 'eip155:84532', transaction: '0x05', position: '0' };
    await insertEffect(place);
    await sql`UPDATE effect SET reversed_at = now() WHERE transaction = '0x05'`;
    await insertEffect(place);
    const comingBack = sql`UPDATE effect SET reversed_at = NULL WHERE transaction = '0x05'`;
    await expect(comingBack).rejects.toSatisfy((error) => isUniqueViolation(error, 'effect_place'));
  });

  test('proves one payment at most', async () => {
    const paymentId = await insertPayment('settled');
    const place = { network: 'eip155:84532', transaction: '0x03', position: '0' };
    await insertEffect(place, paymentId);
    await expect(insertEffect({ ...place, position: '1' }, paymentId)).rejects.toSatisfy((error) =>
      isUniqueViolation(error, 'effect_payment'),
    );
  });

  test('is not changed once it is final', async () => {
    await insertEffect({ network: 'eip155:84532', transaction: '0x04', position: '0' });
    const change = (hash: string) => sql`UPDATE effect SET block_hash = ${hash} WHERE transaction = '0x04'`;
    await change('another block');
    await sql`UPDATE effect SET final_at = now() WHERE transaction = '0x04'`;
    for (const attempt of [
      change('a third block'),
      sql`UPDATE effect SET final_at = NULL WHERE transaction = '0x04'`,
    ]) {
      expect(sqlStateOf(await attempt.catch((error: unknown) => error))).toBe('42501');
    }
    expect(await sql`SELECT block_hash FROM effect WHERE transaction = '0x04'`).toEqual([
      { block_hash: 'another block' },
    ]);
  });

  test.each([
    ['is final and reversed', { final: true, reversed: true, lost: false, credited: false, released: false }],
    ['is lost and not reversed', { final: false, reversed: false, lost: true, credited: false, released: false }],
    [
      'is final and its credit is not released',
      { final: true, reversed: false, lost: false, credited: true, released: false },
    ],
    ['is released and not final', { final: false, reversed: false, lost: false, credited: true, released: true }],
    ['is released without a credit', { final: true, reversed: false, lost: false, credited: false, released: true }],
  ])('never %s', async (_what, is) => {
    const transaction = randomUUID();
    await insertEffect({ network: 'eip155:84532', transaction, position: '0' });
    const journal = async () => {
      const [row] = await sql<{ id: bigint }>`
        INSERT INTO journal (scope, idempotency_key, body_hash) VALUES ('test', ${randomUUID()}, '') RETURNING id`;
      return row?.id ?? null;
    };
    const changing = sql`
      UPDATE effect SET final_at = ${is.final ? new Date() : null}, reversed_at = ${is.reversed ? new Date() : null},
        lost_at = ${is.lost ? new Date() : null}, journal_id = ${is.credited ? await journal() : null},
        release_journal_id = ${is.released ? await journal() : null}
      WHERE transaction = ${transaction}`;
    expect(sqlStateOf(await changing.catch((error: unknown) => error))).toBe('23514');
  });

  test('belongs to a known asset, to a payment that signed something and to a journal', async () => {
    const place = () => ({ network: 'eip155:84532', transaction: randomUUID(), position: '0' });
    const refusalOf = async (attempt: Promise<unknown>) => {
      const error: unknown = await attempt.catch((reason: unknown) => reason);
      return { code: sqlStateOf(error), rule: (error as { constraint?: string }).constraint };
    };
    const kept = place();
    await insertEffect(kept);
    const unproven = { code: '23503', rule: 'effect_proves_payment' };
    expect(await refusalOf(insertEffect(place(), randomUUID()))).toEqual(unproven);
    expect(await refusalOf(insertEffect(place(), await insertPayment('claimed')))).toEqual(unproven);
    const copy = (asset: number, journal: bigint | null) => sql`
      INSERT INTO effect (network, transaction, position, asset_id, sender, recipient, amount, block_number, block_hash, journal_id)
      SELECT network, ${randomUUID()}, position, coalesce(${asset}, asset_id), sender, recipient, amount, block_number,
        block_hash, ${journal}
      FROM effect WHERE transaction = ${kept.transaction}`;
    expect(await refusalOf(copy(-1, null))).toEqual({ code: '23503', rule: 'effect_asset' });
    const unposted = { code: '23503', rule: 'effect_credited_by_journal' };
    expect(await refusalOf(copy(await knownAsset(), -1n))).toEqual(unposted);
    const moved = sql`UPDATE effect SET journal_id = -1 WHERE transaction = ${kept.transaction}`;
    expect(await refusalOf(moved)).toEqual(unposted);
  });

  async function knownAsset(): Promise<number> {
    const [row] = await sql<{ id: number }>`SELECT id FROM asset LIMIT 1`;
    return row?.id ?? 0;
  }

  async function insertTransaction(sent: { hash: string; nonce: number | null; signer?: string; network?: string }) {
    await sql`
      INSERT INTO chain_transaction (network, signer, account_nonce, transaction, raw)
      VALUES (${sent.network ?? 'eip155:84532'}, ${sent.signer ?? 'signer'}, ${sent.nonce}, ${sent.hash}, '')`;
  }

  test('uses each account nonce of a signer once', async () => {
    await insertTransaction({ hash: '0x11', nonce: 7 });
    await expect(insertTransaction({ hash: '0x12', nonce: 7 })).rejects.toSatisfy((error) =>
      isUniqueViolation(error, 'chain_transaction_account_nonce'),
    );
    await insertTransaction({ hash: '0x13', nonce: 7, signer: 'another signer' });
    await insertTransaction({ hash: '0x14', nonce: 7, network: 'eip155:8453' });
  });

  test('is stored once for each hash, and without a nonce where the chain has none', async () => {
    await insertTransaction({ hash: '0x21', nonce: null });
    await insertTransaction({ hash: '0x22', nonce: null });
    await expect(insertTransaction({ hash: '0x21', nonce: null })).rejects.toSatisfy((error) =>
      isUniqueViolation(error, 'chain_transaction_once'),
    );
  });
});

import { randomUUID } from 'node:crypto';
import type { Database, Sql } from '@tollkeeper/database';
import { createGroupCommit, type Concluded, type Ledger, type Posting } from '@tollkeeper/ledger';
import { amount, baseSepolia, type Asset } from '@tollkeeper/protocol';

/** A payment whose money moved on chain, to be concluded and credited. */
export interface SettledPayment {
  readonly id: string;
  readonly transaction: string;
  readonly wallet: string;
}

const benchAsset: Asset = { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };
export const hotWallet = '00000000-0000-7000-8000-000000000000';

const otherWallets = Array.from({ length: 50 }, () => randomUUID());
const gross = amount(10_000n);
const fee = amount(100n);

/** One way to conclude payments; resolves when the credit is durable. */
export type Conclude = (payment: SettledPayment) => Promise<unknown>;

/** Nine of ten payments are to one wallet. */
export function walletOf(n: number): string {
  return n % 10 === 0 ? (otherWallets[(n / 10) % otherWallets.length] ?? hotWallet) : hotWallet;
}

/** What settling a payment books: the credit, and the fee out of it. */
export function creditOf({ transaction, wallet }: Pick<SettledPayment, 'transaction' | 'wallet'>): Posting {
  const pending = { kind: 'merchant_pending', owner: wallet } as const;
  return {
    scope: 'effect',
    key: `${benchAsset.network}/${transaction}/0`,
    legs: [
      { debit: { kind: 'custody', owner: addressOf(wallet) }, credit: pending, asset: benchAsset, amount: gross },
      { debit: pending, credit: { kind: 'fees_earned', owner: 'operator' }, asset: benchAsset, amount: fee },
    ],
  };
}

function addressOf(wallet: string): string {
  return `address of ${wallet}`;
}

/** Writes payments as they are when their transaction was broadcast. */
export async function submitPayments(sql: Sql, count: number): Promise<SettledPayment[]> {
  const rows = await sql<{ id: string }>`
    INSERT INTO payment (id, claim_key, scheme, network, token, amount, payer, pay_to, x402_version, state, submitted_at)
    SELECT gen_random_uuid(), gen_random_uuid()::text, 'exact', ${benchAsset.network}, ${benchAsset.token}, ${gross}, 'payer',
      'payee', 2, 'submitted', now()
    FROM generate_series(1, ${count}::integer)
    RETURNING id`;
  return rows.map(({ id }, n) => ({ id, transaction: `0x${id}`, wallet: walletOf(n) }));
}

interface Credited {
  readonly postings: readonly Posting[];
}

/** The statements that go with the credits: the guard on the payments' own state, and their effects on chain. */
async function companions(database: Database, ledger: Ledger) {
  const assetId = await ledger.assetId(database.sql, benchAsset);

  async function guard(sql: Sql, payments: readonly SettledPayment[]): Promise<readonly (Credited | undefined)[]> {
    const ids = payments.map(({ id }) => id);
    const transactions = Object.fromEntries(payments.map(({ id, transaction }) => [id, transaction]));
    const rows = await sql<{ id: string }>`
      WITH locked AS (
        SELECT id FROM payment WHERE id = ANY(${ids}::uuid[]) AND state IN ('submitted', 'failed') ORDER BY id FOR UPDATE
      )
      UPDATE payment
      SET state = 'settled', concluded_at = now(), transaction = ${JSON.stringify(transactions)}::jsonb ->> payment.id::text
      FROM locked
      WHERE payment.id = locked.id AND payment.state IN ('submitted', 'failed')
      RETURNING payment.id`;
    const concluded = new Set(rows.map(({ id }) => id));
    return payments.map((payment) => (concluded.has(payment.id) ? { postings: [creditOf(payment)] } : undefined));
  }

  async function recordEffects(sql: Sql, concluded: readonly Concluded<SettledPayment, Credited>[]): Promise<void> {
    await sql`
      INSERT INTO effect (network, transaction, position, asset_id, sender, recipient, amount, block_number, block_hash,
        payment_id, journal_id)
      SELECT ${benchAsset.network}, transaction, '0', ${assetId}, 'payer', recipient, ${gross}, 1, 'block', payment_id, journal_id
      FROM unnest(
        ${concluded.map(({ item }) => item.transaction)}::text[], ${concluded.map(({ item }) => addressOf(item.wallet))}::text[],
        ${concluded.map(({ item }) => item.id)}::uuid[], ${concluded.map(({ posted }) => posted[0]?.journalId ?? null)}::bigint[]
      ) AS credited (transaction, recipient, payment_id, journal_id)`;
  }
  return { guard, recordEffects };
}

/** The baseline: the same statements in a transaction for each payment, which locks its balances last, until it is durable. */
export async function rowLockConclude(database: Database, ledger: Ledger): Promise<Conclude> {
  const { guard, recordEffects } = await companions(database, ledger);
  return (payment) =>
    database.transaction(async (sql) => {
      const [decision] = await guard(sql, [payment]);
      if (decision === undefined) throw new Error('The payment had been concluded before');
      const { posted, write } = await ledger.startPosting(sql, decision.postings);
      await Promise.all([recordEffects(sql, [{ item: payment, decision, posted }]), write()]);
    });
}

export async function groupCommitConclude(database: Database, ledger: Ledger): Promise<Conclude> {
  const { guard, recordEffects } = await companions(database, ledger);
  const group = createGroupCommit<SettledPayment, Credited>({ database, ledger, guard, after: recordEffects });
  return async (payment) => {
    const { state } = await group.commit(payment);
    if (state !== 'posted') throw new Error('The payment had been concluded before');
  };
}

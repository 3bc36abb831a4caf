import type { Database, Sql } from '@tollkeeper/database';
import type { ClaimedTransfer, Network, ObservedTransaction, SignedTransaction } from '@tollkeeper/protocol';
import { claimedTransferOf, type ClaimedTransferRow } from './claimed-transfer-row.js';

/** One payment that a transaction of ours carries. */
export interface Leg {
  readonly paymentId: string;
  readonly expected: ClaimedTransfer;
  /** For good: it is in a final block without this transfer, or another transaction has its place. */
  readonly hasFailed?: true;
}

/** A stored transaction of ours with the payments that it carries, or whose transaction it cancels; none where it fills a place. */
export interface SentTransaction extends SignedTransaction {
  readonly network: Network;
  readonly legs: readonly Leg[];
}

/** Signed bytes that are to be stored, and whose place they want if it is not a new one. */
export interface NewTransaction {
  readonly signed: SignedTransaction;
  readonly paymentIds: readonly string[];
  readonly replacement?: { readonly of: string; readonly purpose: 'settlement' | 'cancellation' };
}

/** What the chain is asked about a transaction: each of its transfers, or what became of it where it has none. */
export function questionsAbout(sent: SentTransaction): readonly [ObservedTransaction, ...ObservedTransaction[]] {
  const [first, ...others] = sent.legs.map(({ expected }) => ({ ...sent, expected }));
  return first === undefined ? [sent] : [first, ...others];
}

/** Stores signed bytes with their legs before anybody sends them. */
export async function storeSigned(
  sql: Sql,
  { network, transactions }: { readonly network: Network; readonly transactions: readonly NewTransaction[] },
): Promise<void> {
  const signed = transactions.map((each) => each.signed);
  const stored = sql`
    INSERT INTO chain_transaction (network, signer, account_nonce, transaction, raw, last_valid_block_height, purpose, replaces)
    SELECT ${network}, fresh.signer, fresh.account_nonce, fresh.transaction, fresh.raw, fresh.last_valid_block_height,
      fresh.purpose, first.id
    FROM unnest(
      ${signed.map(({ signer }) => signer)}::text[],
      ${signed.map(({ accountNonce }) => accountNonce ?? null)}::numeric[],
      ${signed.map(({ id }) => id)}::text[],
      ${signed.map(({ raw }) => raw)}::bytea[],
      ${signed.map(({ lastValidBlockHeight }) => lastValidBlockHeight ?? null)}::numeric[],
      ${transactions.map(purposeOf)}::text[],
      ${transactions.map(({ replacement }) => replacement?.of ?? null)}::text[]
    ) WITH ORDINALITY AS fresh (signer, account_nonce, transaction, raw, last_valid_block_height, purpose, replaces, place)
    LEFT JOIN chain_transaction AS replaced ON replaced.network = ${network} AND replaced.transaction = fresh.replaces
    LEFT JOIN chain_transaction AS first ON first.id = coalesce(replaced.replaces, replaced.id)
    ORDER BY fresh.place`;
  const legs = transactions.flatMap((each) => each.paymentIds.map((paymentId) => ({ id: each.signed.id, paymentId })));
  const joined = sql`
    INSERT INTO transaction_leg (transaction_id, payment_id)
    SELECT chain_transaction.id, leg.payment_id
    FROM unnest(${legs.map(({ id }) => id)}::text[], ${legs.map(({ paymentId }) => paymentId)}::uuid[])
      AS leg (transaction, payment_id)
    JOIN chain_transaction ON chain_transaction.transaction = leg.transaction
    WHERE chain_transaction.network = ${network} AND chain_transaction.transaction = ANY(${legs.map(({ id }) => id)}::text[])`;
  await Promise.all([stored, joined]);
}

/** What carries no payment does nothing but take its place. */
function purposeOf({ paymentIds, replacement }: NewTransaction): 'settlement' | 'cancellation' {
  return replacement?.purpose ?? (paymentIds.length === 0 ? 'cancellation' : 'settlement');
}

/** Notes that these transactions will not move the money of these payments any more, whatever the chain does next. */
export async function markLegsFailed(
  sql: Sql,
  { network, legs }: { readonly network: Network; readonly legs: readonly { id: string; paymentId: string }[] },
): Promise<void> {
  if (legs.length === 0) return;
  await sql`
    UPDATE transaction_leg SET failed_at = now()
    FROM unnest(${legs.map(({ id }) => id)}::text[], ${legs.map(({ paymentId }) => paymentId)}::uuid[])
      AS failed (transaction, payment_id)
    JOIN chain_transaction AS sent ON sent.transaction = failed.transaction
    WHERE sent.network = ${network} AND sent.transaction = ANY(${legs.map(({ id }) => id)}::text[])
      AND transaction_leg.transaction_id = sent.id AND transaction_leg.payment_id = failed.payment_id
      AND transaction_leg.failed_at IS NULL`;
}

/** The transactions of a network that have no outcome yet. */
export async function findPendingIds({ sql }: Database, network: Network): Promise<readonly string[]> {
  const rows = await sql<{ id: string }>`
    SELECT transaction AS id FROM chain_transaction WHERE network = ${network} AND state = 'pending' ORDER BY id`;
  return rows.map(({ id }) => id);
}

/** Stored transactions, in the order of signing. */
export async function findTransactions(
  database: Database,
  query: { readonly network: Network; readonly ids: readonly string[] },
): Promise<readonly SentTransaction[]> {
  if (query.ids.length === 0) return [];
  const rows = await database.sql<TransactionRow>`
    SELECT id AS key, network, signer, account_nonce AS "accountNonce", transaction, raw,
      last_valid_block_height AS "lastValidBlockHeight"
    FROM chain_transaction
    WHERE network = ${query.network} AND transaction = ANY(${query.ids}::text[])
    ORDER BY id`;
  return withLegs(database, rows);
}

/** Every transaction that we ever signed for these payments, in the order of signing: any of them may move the money. */
export async function findAttempts(
  database: Database,
  paymentIds: readonly string[],
): Promise<readonly SentTransaction[]> {
  const rows = await database.sql<TransactionRow>`
    SELECT id AS key, network, signer, account_nonce AS "accountNonce", transaction, raw,
      last_valid_block_height AS "lastValidBlockHeight"
    FROM chain_transaction
    WHERE id IN (SELECT transaction_id FROM transaction_leg WHERE payment_id = ANY(${paymentIds}::uuid[]))
    ORDER BY id`;
  return withLegs(database, rows);
}

async function withLegs({ sql }: Database, rows: readonly TransactionRow[]): Promise<readonly SentTransaction[]> {
  if (rows.length === 0) return [];
  const legs = await sql<LegRow>`
    SELECT leg.transaction_id AS key, payment.id AS "paymentId", payment.claim_key AS "claimKey", payment.network,
      payment.token, payment.amount, payment.payer, payment.pay_to AS "payTo", payment.claimed_at_block AS "claimedAtBlock",
      leg.failed_at IS NOT NULL AS "hasFailed"
    FROM transaction_leg AS leg
    JOIN payment ON payment.id = leg.payment_id
    WHERE leg.transaction_id = ANY(${rows.map(({ key }) => key)}::bigint[])
    ORDER BY leg.transaction_id, payment.id`;
  const byTransaction = new Map<bigint, Leg[]>(rows.map(({ key }) => [key, []]));
  for (const leg of legs) {
    const { paymentId, hasFailed } = leg;
    byTransaction.get(leg.key)?.push({ paymentId, expected: claimedTransferOf(leg), ...(hasFailed && { hasFailed }) });
  }
  return rows.map((row) => ({
    id: row.transaction,
    network: row.network,
    signer: row.signer,
    raw: row.raw,
    ...(row.accountNonce === null ? {} : { accountNonce: row.accountNonce }),
    ...(row.lastValidBlockHeight === null ? {} : { lastValidBlockHeight: row.lastValidBlockHeight }),
    legs: byTransaction.get(row.key) ?? [],
  }));
}

interface TransactionRow {
  readonly key: bigint;
  readonly network: Network;
  readonly signer: string;
  readonly accountNonce: bigint | null;
  readonly transaction: string;
  readonly raw: Uint8Array;
  readonly lastValidBlockHeight: bigint | null;
}

interface LegRow extends ClaimedTransferRow {
  readonly key: bigint;
  readonly paymentId: string;
  readonly hasFailed: boolean;
}

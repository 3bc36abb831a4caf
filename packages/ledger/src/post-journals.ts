import { createHash } from 'node:crypto';
import { isCheckViolation, type Sql } from '@tollkeeper/database';
import { type Asset, Fault } from '@tollkeeper/protocol';
import type { AccountName, Posted, Posting } from './posting.js';

type AssetLookup = (sql: Sql, asset: Asset) => Promise<number>;

/** Writes the journals of events that were not posted before, which are `fresh`, and finds those of the others. */
export async function postJournals(
  sql: Sql,
  postings: readonly Posting[],
  assetId: AssetLookup,
): Promise<{ readonly posted: readonly Posted[]; readonly fresh: readonly Posting[] }> {
  const hashes = postings.map(hashOf);
  const unposted = await insertJournals(sql, postings, hashes);
  const accountOf = createAccountLookup(sql, assetId);
  const rows: TransferRow[] = [];
  const posted: Posted[] = [];
  const fresh: Posting[] = [];
  for (const [index, posting] of postings.entries()) {
    const journalId = unposted.get(nameOf(posting));
    if (journalId === undefined) {
      posted.push(await replay(sql, posting, hashes[index]));
      continue;
    }
    // The same event twice among these is posted once.
    unposted.delete(nameOf(posting));
    for (const [leg, { debit, credit, asset, amount }] of posting.legs.entries()) {
      const [debited, credited] = [await accountOf(debit, asset), await accountOf(credit, asset)];
      rows.push({ journalId, leg, asset: debited.asset, debit: debited.id, credit: credited.id, amount });
    }
    posted.push({ journalId, replayed: false });
    fresh.push(posting);
  }
  await insertTransfers(sql, rows);
  return { posted, fresh };
}

/** The ids of the journals that are new, by the name of their event. */
async function insertJournals(
  sql: Sql,
  postings: readonly Posting[],
  hashes: readonly Uint8Array[],
): Promise<Map<string, bigint>> {
  const rows = await sql<{ id: bigint; scope: string; key: string }>`
    INSERT INTO journal (scope, idempotency_key, body_hash, reverses)
    SELECT * FROM unnest(
      ${postings.map(({ scope }) => scope)}::text[],
      ${postings.map(({ key }) => key)}::text[],
      ${hashes}::bytea[],
      ${postings.map(({ reverses }) => reverses ?? null)}::bigint[]
    )
    ON CONFLICT (scope, idempotency_key) DO NOTHING
    RETURNING id, scope, idempotency_key AS key`;
  return new Map(rows.map((row) => [nameOf(row), row.id]));
}

function nameOf({ scope, key }: { readonly scope: string; readonly key: string }): string {
  return JSON.stringify([scope, key]);
}

interface TransferRow {
  readonly journalId: bigint;
  readonly leg: number;
  readonly asset: number;
  readonly debit: bigint;
  readonly credit: bigint;
  readonly amount: bigint;
}

/** All legs in one statement, so that each balance is locked once and in the same order as everybody else locks it. */
async function insertTransfers(sql: Sql, rows: readonly TransferRow[]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  try {
    await sql`
      INSERT INTO transfer (journal_id, leg, asset_id, debit_account_id, credit_account_id, amount)
      SELECT * FROM unnest(
        ${rows.map((row) => row.journalId)}::bigint[],
        ${rows.map((row) => row.leg)}::smallint[],
        ${rows.map((row) => row.asset)}::integer[],
        ${rows.map((row) => row.debit)}::bigint[],
        ${rows.map((row) => row.credit)}::bigint[],
        ${rows.map((row) => row.amount)}::numeric[]
      )`;
  } catch (error) {
    if (!isCheckViolation(error, 'balance_not_overdrawn')) throw error;
    const facts = { journalId: first.journalId, journals: new Set(rows.map(({ journalId }) => journalId)).size };
    throw new Fault('LEDGER_ACCOUNT_OVERDRAWN', facts, { cause: error });
  }
}

async function replay(sql: Sql, posting: Posting, bodyHash = hashOf(posting)): Promise<Posted> {
  const [earlier] = await sql<{ id: bigint; bodyHash: Uint8Array }>`
    SELECT id, body_hash AS "bodyHash" FROM journal
    WHERE scope = ${posting.scope} AND idempotency_key = ${posting.key}`;
  if (earlier === undefined || Buffer.compare(earlier.bodyHash, bodyHash) !== 0) {
    throw new Fault('LEDGER_KEY_REUSED', { scope: posting.scope, key: posting.key });
  }
  return { journalId: earlier.id, replayed: true };
}

interface OpenAccount {
  readonly id: bigint;
  readonly asset: number;
}

/** Finds the accounts of one batch of postings, each once, and opens those that are new. */
function createAccountLookup(sql: Sql, assetId: AssetLookup) {
  const found = new Map<string, OpenAccount>();
  return async (name: AccountName, { network, token }: Asset): Promise<OpenAccount> => {
    const key = JSON.stringify([name.kind, name.owner, network, token]);
    const known = found.get(key);
    if (known !== undefined) return known;
    const asset = await assetId(sql, { network, token });
    const account = { id: await accountId(sql, name, asset), asset };
    found.set(key, account);
    return account;
  };
}

async function accountId(sql: Sql, name: AccountName, asset: number): Promise<bigint> {
  const [found] = await sql<{ id: bigint }>`
    SELECT id FROM account WHERE kind = ${name.kind} AND asset_id = ${asset} AND owner = ${name.owner}`;
  if (found !== undefined) return found.id;
  await sql`
    INSERT INTO account (kind, asset_id, owner) VALUES (${name.kind}, ${asset}, ${name.owner}) ON CONFLICT DO NOTHING`;
  return accountId(sql, name, asset);
}

function hashOf({ legs, reverses }: Posting): Uint8Array {
  const lines = legs.map((leg) =>
    JSON.stringify([
      leg.debit.kind,
      leg.debit.owner,
      leg.credit.kind,
      leg.credit.owner,
      leg.asset.network,
      leg.asset.token,
      leg.amount.toString(),
    ]),
  );
  if (reverses !== undefined) lines.push(JSON.stringify(['reverses', reverses.toString()]));
  return createHash('sha256').update(lines.join('\n')).digest();
}

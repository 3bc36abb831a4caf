import { hash } from 'node:crypto';
import type { Sql } from '@tollkeeper/database';
import { Fault } from '@tollkeeper/protocol';
import { type AccountOfAsset, type FindAccount, openAccounts } from './open-accounts.js';
import type { Posted, Posting } from './posting.js';
import { postingFault } from './posting-fault.js';

/** Journals that have their ids, and whose legs are still to be written. */
export interface PostingJournals {
  readonly posted: readonly Posted[];
  /** Those that were not posted before. */
  readonly fresh: readonly Posting[];
  /** Writes the legs, which changes the balances: these are locked from then on. */
  readonly write: () => Promise<void>;
}

/** Writes the journals of events that were not posted before, and finds those of the others. */
export async function postJournals(sql: Sql, postings: readonly Posting[]): Promise<PostingJournals> {
  if (postings.length === 0) return { posted: [], fresh: [], write: () => Promise.resolve() };
  // The accounts are under way while the journals are put together.
  const opening = openAccounts(sql, accountsOf(postings));
  const hashes = postings.map(hashOf);
  const [accountOf, unposted] = await Promise.all([opening, insertJournals(sql, postings, hashes)]);
  const journals = await journalsOf(sql, { postings, hashes, unposted });
  const posted: Posted[] = [];
  const fresh: (Posting & Pick<Posted, 'journalId'>)[] = [];
  for (const [index, posting] of postings.entries()) {
    const journalId = unposted.get(nameOf(posting));
    // The same event twice among these is posted once.
    unposted.delete(nameOf(posting));
    if (journalId === undefined) posted.push({ journalId: journals(posting, hashes[index]), replayed: true });
    else {
      posted.push({ journalId, replayed: false });
      fresh.push({ ...posting, journalId });
    }
  }
  return { posted, fresh, write: () => insertTransfers(sql, fresh, accountOf) };
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

/** No text of the database holds the character between them. */
function nameOf({ scope, key }: { readonly scope: string; readonly key: string }): string {
  return `${scope}\0${key}`;
}

/** Looks up the journals of all events, and refuses one that was posted with other legs. */
async function journalsOf(
  sql: Sql,
  batch: {
    readonly postings: readonly Posting[];
    readonly hashes: readonly Uint8Array[];
    readonly unposted: ReadonlyMap<string, bigint>;
  },
): Promise<(posting: Posting, bodyHash: Uint8Array | undefined) => bigint> {
  const { postings, hashes, unposted } = batch;
  const known = new Map<string, { readonly id: bigint; readonly bodyHash: Uint8Array }>();
  const earlier: Posting[] = [];
  for (const [index, posting] of postings.entries()) {
    const name = nameOf(posting);
    const [id, bodyHash] = [unposted.get(name), hashes[index]];
    if (id === undefined) earlier.push(posting);
    else if (!known.has(name) && bodyHash !== undefined) known.set(name, { id, bodyHash });
  }
  for (const row of await earlierJournals(sql, earlier)) known.set(nameOf(row), row);
  return (posting, bodyHash) => {
    const journal = known.get(nameOf(posting));
    if (journal === undefined || bodyHash === undefined || Buffer.compare(journal.bodyHash, bodyHash) !== 0) {
      throw new Fault('LEDGER_KEY_REUSED', { scope: posting.scope, key: posting.key });
    }
    return journal.id;
  };
}

type JournalRow = Pick<Posting, 'scope' | 'key'> & { readonly id: bigint; readonly bodyHash: Uint8Array };

async function earlierJournals(sql: Sql, earlier: readonly Posting[]): Promise<readonly JournalRow[]> {
  if (earlier.length === 0) return [];
  return sql<JournalRow>`
    SELECT journal.id, journal.scope, journal.idempotency_key AS key, journal.body_hash AS "bodyHash"
    FROM unnest(${earlier.map(({ scope }) => scope)}::text[], ${earlier.map(({ key }) => key)}::text[])
      AS wanted (scope, key)
    JOIN journal ON journal.scope = wanted.scope AND journal.idempotency_key = wanted.key`;
}

/** All legs in one statement, so that each balance is locked once and in the same order as everybody else locks it. */
async function insertTransfers(
  sql: Sql,
  fresh: readonly (Posting & { readonly journalId: bigint })[],
  accountOf: FindAccount,
): Promise<void> {
  const legs = fresh.flatMap(({ journalId, legs }) =>
    legs.map(({ debit, credit, asset, amount }, index) => {
      return { journalId, index, amount, debit: accountOf(debit, asset), credit: accountOf(credit, asset) };
    }),
  );
  const [first] = legs;
  if (first === undefined) return;
  try {
    await sql`
      INSERT INTO transfer (journal_id, leg, asset_id, debit_account_id, credit_account_id, amount)
      SELECT * FROM unnest(
        ${legs.map(({ journalId }) => journalId)}::bigint[],
        ${legs.map(({ index }) => index)}::smallint[],
        ${legs.map(({ debit }) => debit.asset)}::integer[],
        ${legs.map(({ debit }) => debit.id)}::bigint[],
        ${legs.map(({ credit }) => credit.id)}::bigint[],
        ${legs.map(({ amount }) => amount)}::numeric[]
      )`;
  } catch (error) {
    throw postingFault(error, { journalId: first.journalId, journals: fresh.length });
  }
}

/** Both accounts of every leg. */
function accountsOf(postings: readonly Posting[]): readonly AccountOfAsset[] {
  return postings.flatMap(({ legs }) =>
    legs.flatMap(({ debit, credit, asset }) => [
      { account: debit, asset },
      { account: credit, asset },
    ]),
  );
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
  return hash('sha256', lines.join('\n'), 'buffer');
}

import { createHash } from 'node:crypto';
import type { Database } from '@tollkeeper/database';

/** How many entries are read at once. */
const batch = 1_000;

/** A chain that was followed from its first entry to its head. */
export interface ChainReport {
  /** The merchant, or zeros for the operator's own chain. */
  readonly chain: string;
  readonly merchant: string | null;
  readonly entries: bigint;
  /** The hash of the last entry, in hex: kept elsewhere, it later proves that nothing before it was changed. */
  readonly head: string;
  /** What is wrong first, if anything is. */
  readonly broken: BrokenEntry | null;
}

interface BrokenEntry {
  readonly sequence: bigint;
  readonly problem: string;
}

/**
 * Computes every chain anew from what the entries say and names the first that was altered, removed or put in. The hashing is
 * done here and not by the database's own function, which somebody who alters entries could alter as well.
 * @param expected heads that were noted earlier, by chain: proof against somebody who recomputed or removed a whole chain
 */
export async function verifyAudit(
  database: Database,
  expected: ReadonlyMap<string, { readonly sequence: bigint; readonly hash: string }> = new Map(),
): Promise<readonly ChainReport[]> {
  const chains = await database.sql<{ chain: string; merchant: string | null }>`
    SELECT known.chain, merchant.name AS merchant
    FROM (
      SELECT chain FROM audit_head UNION SELECT chain FROM audit_entry UNION SELECT unnest(${[...expected.keys()]}::uuid[])
    ) AS known
    LEFT JOIN merchant ON merchant.id = known.chain
    ORDER BY merchant.name NULLS FIRST, known.chain`;
  const reports: ChainReport[] = [];
  for (const { chain, merchant } of chains) {
    const followed = await follow(database, { chain, expected: expected.get(chain) });
    reports.push({ chain, merchant, ...followed });
  }
  return reports;
}

async function follow(
  { sql }: Database,
  { chain, expected }: { chain: string; expected: { sequence: bigint; hash: string } | undefined },
): Promise<Pick<ChainReport, 'entries' | 'head' | 'broken'>> {
  // Read before the entries: what is appended meanwhile lies behind it and is not looked at.
  const [head] = await sql<{ sequence: bigint; hash: Buffer }>`
    SELECT sequence, hash FROM audit_head WHERE chain = ${chain}::uuid`;
  let previous = createHash('sha256').digest();
  let sequence = 0n;
  const stop = (at: bigint, problem: string) => ({
    entries: sequence,
    head: previous.toString('hex'),
    broken: { sequence: at, problem },
  });
  if (head === undefined) return stop(1n, 'the head of the chain is missing');
  for (;;) {
    const rows = await readEntries(sql, { chain, after: sequence, until: head.sequence });
    for (const row of rows) {
      if (row.sequence !== sequence + 1n) return stop(sequence + 1n, 'the entry is missing');
      const hash = createHash('sha256').update(previous).update(row.text).digest();
      if (!row.previousHash.equals(previous)) return stop(row.sequence, 'the entry does not follow the one before it');
      if (!row.hash.equals(hash)) return stop(row.sequence, 'the entry was altered');
      if (expected?.sequence === row.sequence && expected.hash !== hash.toString('hex')) {
        return stop(row.sequence, 'the entry is not the one that was noted earlier, so the chain was made anew');
      }
      [previous, sequence] = [hash, row.sequence];
    }
    if (rows.length < batch) break;
  }
  if (sequence !== head.sequence) return stop(sequence + 1n, 'the entry is missing');
  if (!head.hash.equals(previous)) return stop(sequence, 'the head of the chain was altered');
  if (expected !== undefined && expected.sequence > sequence) {
    return stop(sequence + 1n, 'the entry is missing, although a later one was noted earlier');
  }
  return { entries: sequence, head: previous.toString('hex'), broken: null };
}

interface EntryRow {
  readonly sequence: bigint;
  readonly previousHash: Buffer;
  readonly hash: Buffer;
  /** What the entry says, in the words of the migration's `chain_audit_entry`. */
  readonly text: string;
}

async function readEntries(
  sql: Database['sql'],
  { chain, after, until }: { chain: string; after: bigint; until: bigint },
): Promise<readonly EntryRow[]> {
  return sql<EntryRow>`
    SELECT sequence, previous_hash AS "previousHash", hash, jsonb_build_array(
        chain, sequence, (extract(epoch FROM at) * 1000000)::bigint::text, actor, key_id, action, subject, before, after,
        request_id)::text AS text
    FROM audit_entry WHERE chain = ${chain}::uuid AND sequence > ${after}::bigint AND sequence <= ${until}::bigint
    ORDER BY sequence LIMIT ${batch}`;
}

import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Database } from '@tollkeeper/database';
import { createStatementReader, type Ledger } from '@tollkeeper/ledger';
import { creditOf, hotWallet } from './settlement-credits.js';

/** How a statement of many lines was read. */
export interface StatementSummary {
  readonly lines: number;
  readonly seconds: number;
  /** Most memory that the process had more than before, in megabytes. */
  readonly growthMb: number;
}

const wantedLines = 100_000;
const fillBatch = 500;
const from = '1970-01-01T00:00:00.000000Z';

/** Makes sure that the hot wallet has enough lines, and reads them as a statement does. */
export async function measureStatement(database: Database, ledger: Ledger): Promise<StatementSummary> {
  const [account] = await database.sql<{ id: bigint }>`
    SELECT id FROM account WHERE kind = 'merchant_pending' AND owner = ${hotWallet}`;
  if (account === undefined) throw new Error('The hot wallet has no account');
  await fill(database, { ledger, accountId: account.id });
  const reader = createStatementReader({ database });
  const to = await reader.settledMoment();
  const collectGarbage = garbageCollector();
  collectGarbage();
  const before = memoryInUse();
  let peak = before;
  let lines = 0;
  const startedAt = performance.now();
  await reader.totalsBefore([account.id], from);
  for await (const page of reader.legs([account.id], { from, to })) {
    // What a statement does with a line costs about this much.
    for (const leg of page)
      lines += JSON.stringify({ ...leg, amount: leg.amount.toString() }, textOfBigint) === '' ? 0 : 1;
    peak = Math.max(peak, memoryInUse());
    if (lines >= wantedLines) break;
  }
  return { lines, seconds: (performance.now() - startedAt) / 1_000, growthMb: (peak - before) / 2 ** 20 };
}

function textOfBigint(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

async function fill(
  database: Database,
  { ledger, accountId }: { readonly ledger: Ledger; readonly accountId: bigint },
): Promise<void> {
  const [row] = await database.sql<{ count: bigint }>`
    SELECT (SELECT count(*) FROM transfer WHERE debit_account_id = ${accountId})
      + (SELECT count(*) FROM transfer WHERE credit_account_id = ${accountId}) AS count`;
  for (let lines = Number(row?.count ?? 0); lines < wantedLines; lines += fillBatch * 2) {
    const batch = Array.from({ length: fillBatch }, () => creditOf({ transaction: randomUUID(), wallet: hotWallet }));
    await database.transaction((sql) => ledger.postAll(sql, batch));
  }
}

/** Garbage that was not collected yet is in use; what the process keeps from earlier work is not. */
function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Memory that nobody used any more before is no growth. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

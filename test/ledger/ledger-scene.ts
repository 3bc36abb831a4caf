import { randomUUID } from 'node:crypto';
import { openDatabase, type Database } from '@tollkeeper/database';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import {
  createCharges,
  createExpirySweeper,
  createHolds,
  createLedger,
  createWalletTransfers,
} from '@tollkeeper/ledger';
import { amount, baseSepolia, type Asset } from '@tollkeeper/protocol';
import { expect } from 'vitest';
import { findLedgerProblems } from './find-ledger-problems.js';

export const usdc: Asset = { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };

/** A ledger with wallets in a database of its own, as the service sees it, and the owner's view of the same database. */
export type LedgerScene = Awaited<ReturnType<typeof createLedgerScene>>;

export async function createLedgerScene() {
  const db: TestDatabase = await createTestDatabase();
  const { database } = db;
  const ledger = createLedger({ database });
  const scene = {
    db,
    database,
    ledger,
    holds: createHolds({ ledger }),
    transfers: createWalletTransfers({ ledger }),
    charges: createCharges({ ledger }),
    sweeper: createExpirySweeper({ database, ledger }),
  };

  /** A new wallet that has received these units of USDC, of a merchant of its own unless one is named. */
  async function wallet(units = 0n, merchant: string = randomUUID()): Promise<string> {
    const id = randomUUID();
    await database.sql`INSERT INTO merchant (id, name) VALUES (${merchant}::uuid, ${merchant}) ON CONFLICT DO NOTHING`;
    await database.sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${id}::uuid, ${merchant}::uuid, ${id})`;
    if (units > 0n) await deposit(id, units);
    return id;
  }

  async function deposit(walletId: string, units: bigint): Promise<void> {
    const debit = { kind: 'custody', owner: `address of ${walletId}` } as const;
    const credit = { kind: 'merchant_available', owner: walletId } as const;
    const legs = [{ debit, credit, asset: usdc, amount: amount(units) }];
    await database.transaction((sql) => ledger.post(sql, { scope: 'deposit', key: randomUUID(), legs }));
  }

  async function balanceOf(walletId: string): Promise<{ readonly balance: bigint; readonly held: bigint }> {
    const lines = await ledger.balancesOf([walletId]);
    const line = lines.find(({ kind }) => kind === 'merchant_available');
    return { balance: line?.balance ?? 0n, held: line?.held ?? 0n };
  }

  async function escrowOf(walletId: string): Promise<bigint> {
    const lines = await ledger.balancesOf([walletId]);
    return lines.find(({ kind }) => kind === 'transfer_escrow')?.balance ?? 0n;
  }

  /** Every row that an operation on money could have changed. */
  async function books(): Promise<unknown> {
    const { sql } = database;
    return Promise.all([
      sql`SELECT * FROM balance ORDER BY account_id`,
      sql`SELECT * FROM journal ORDER BY id`,
      sql`SELECT * FROM transfer ORDER BY journal_id, leg`,
      sql`SELECT * FROM hold ORDER BY id`,
      sql`SELECT * FROM wallet_transfer ORDER BY id`,
      sql`SELECT * FROM charge ORDER BY id`,
      sql`SELECT * FROM charge_refund ORDER BY id`,
    ]);
  }

  const openAsOwner = (): Promise<Database> =>
    openDatabase({
      url: db.ownerUrl,
      role: decodeURIComponent(new URL(db.ownerUrl).username),
      onWarning: () => undefined,
    });

  const expectSoundBooks = async () => expect(await findLedgerProblems(database.sql)).toEqual([]);
  return { ...scene, wallet, deposit, balanceOf, escrowOf, books, openAsOwner, expectSoundBooks };
}

export const available = (walletId: string) => ({ kind: 'merchant_available', owner: walletId }) as const;

/** The code or SQLSTATE with which something is refused; undefined where it is not. */
export async function refusalOf(pending: Promise<unknown>): Promise<string | undefined> {
  return pending.then(
    () => undefined,
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  );
}

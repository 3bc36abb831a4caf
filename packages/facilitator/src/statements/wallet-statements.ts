import type { Database } from '@tollkeeper/database';
import type { LegPosition, StatementLeg, StatementReader } from '@tollkeeper/ledger';
import { isSameAsset, type Asset } from '@tollkeeper/protocol';
import { findPaymentReferences } from './payment-references.js';
import { toEntry, type StatementEntry } from './statement-entry.js';
import { nothing, type WalletAccount, type WalletMoney } from './wallet-accounts.js';

/** What a wallet has in one asset at a moment. */
export interface AssetMoney extends WalletMoney {
  readonly asset: Asset;
}

/** A statement, ready to be read once from its beginning to its end. */
export interface WalletStatement {
  readonly from: string;
  /** The end of the period, or the present where the period is not over. */
  readonly to: string;
  readonly opening: readonly AssetMoney[];
  /** In the order of posting, page by page; each page is asked for when the one before was taken. */
  readonly pages: AsyncIterable<readonly StatementEntry[]>;
}

/** Finds the accounts that the caller may see. It is asked after the period has settled, so that none of them is too new. */
type FindAccounts = () => Promise<readonly WalletAccount[]>;

export type WalletStatements = ReturnType<typeof createWalletStatements>;

/** Statements and history of wallets. Whose accounts they may show is for the caller to decide, under row security. */
export function createWalletStatements(parts: { readonly database: Database; readonly reader: StatementReader }) {
  const { database, reader } = parts;
  return { open, history };

  /**
   * Opens a statement of a period by the time of posting, its beginning included and its end not. Without an end it ends now.
   * @throws Fault `STATEMENT_NOT_SETTLED`
   */
  async function open(
    findAccounts: FindAccounts,
    period: { readonly from: Date; readonly to: Date | undefined },
  ): Promise<WalletStatement> {
    const to = await reader.settledMoment(period.to);
    const accounts = await findAccounts();
    const from = microseconds(period.from) < to ? microseconds(period.from) : to;
    const ids = accounts.map(({ id }) => id);
    const totals = await reader.totalsBefore(ids, from);
    const before = new Map(totals.map(({ accountId, debit, credit }) => [accountId, credit - debit]));
    return { from, to, opening: openingOf(accounts, before), pages: pages() };

    async function* pages() {
      if (ids.length === 0) return;
      for await (const legs of reader.legs(ids, { from, to })) yield await toEntries(accounts, legs);
    }
  }

  /** The newest entries, or those before a position. Nothing that was posted before the first page is missed by a later one. */
  async function history(
    findAccounts: FindAccounts,
    page: { readonly before: LegPosition | undefined; readonly limit: number },
  ): Promise<readonly StatementEntry[]> {
    const before = page.before ?? (await reader.settledMoment());
    const accounts = await findAccounts();
    if (accounts.length === 0) return [];
    const ids = accounts.map(({ id }) => id);
    return toEntries(accounts, await reader.newestLegs(ids, before, page.limit));
  }

  async function toEntries(
    accounts: readonly WalletAccount[],
    legs: readonly StatementLeg[],
  ): Promise<readonly StatementEntry[]> {
    const byId = new Map(accounts.map((account) => [account.id, account]));
    const paymentOf = await findPaymentReferences(database, legs);
    return legs.map((leg) => toEntry(leg, { accounts: byId, paymentOf }));
  }
}

function openingOf(accounts: readonly WalletAccount[], before: ReadonlyMap<bigint, bigint>): readonly AssetMoney[] {
  const opening: AssetMoney[] = [];
  for (const { id, asset, part } of accounts) {
    let line = opening.findIndex((each) => isSameAsset(each.asset, asset));
    if (line < 0) line = opening.push({ asset, ...nothing }) - 1;
    opening[line] = { ...(opening[line] ?? { asset, ...nothing }), [part]: before.get(id) ?? 0n };
  }
  return opening;
}

function microseconds(moment: Date): string {
  return moment.toISOString().replace('Z', '000Z');
}

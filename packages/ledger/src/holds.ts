import type { Sql } from '@tollkeeper/database';
import { type Amount, type Asset, Fault } from '@tollkeeper/protocol';
import { type Hold, listHolds, readHold } from './hold-row.js';
import type { Ledger } from './ledger.js';
import { openAccounts } from './open-accounts.js';
import type { AccountName } from './posting.js';
import { withWalletFaults } from './rule-violations.js';

export interface HoldRequest {
  readonly id: string;
  readonly account: AccountName;
  readonly asset: Asset;
  readonly amount: Amount;
  /** From the moment at which the database writes the hold. */
  readonly lifetimeSeconds: number;
  readonly reference?: string | undefined;
}

export interface CaptureRequest {
  readonly id: string;
  /** What is taken, the whole hold where it is not said; the rest is released in the same moment. */
  readonly amount?: Amount | undefined;
  /** Who gets it. */
  readonly to: AccountName;
}

/** The scope of the journals of captures; their key is the hold's id. */
const holdScope = 'hold';

export type Holds = ReturnType<typeof createHolds>;

/**
 * Money that is reserved for work that may fail: captured in part or whole when the work is done, voided when it is not, and
 * free by itself when the time is up. Everything runs in the caller's transaction, which is over after any error.
 */
export function createHolds(parts: { readonly ledger: Ledger }) {
  return { place, capture, void: voidHold, find: readHold, list: listHolds };

  /** @throws Fault `BALANCE_INSUFFICIENT`, `WALLET_CLOSED` */
  async function place(sql: Sql, request: HoldRequest): Promise<Hold> {
    const { id, account, asset, amount, lifetimeSeconds, reference } = request;
    const accountOf = await openAccounts(sql, [{ account, asset }]);
    const opened = accountOf(account, asset);
    await withWalletFaults({ id }, async () => {
      await sql`
        INSERT INTO hold (id, account_id, asset_id, amount, reference, expires_at)
        VALUES (${id}::uuid, ${opened.id}, ${opened.asset}, ${amount}, ${reference ?? null},
          clock_timestamp() + make_interval(secs => ${lifetimeSeconds}))`;
    });
    return readHold(sql, id);
  }

  /**
   * Takes what was held, once. The database's clock decides in the deciding statement whether the hold is still good.
   * @throws Fault `HOLD_NOT_FOUND`, `HOLD_NOT_OPEN`, `HOLD_EXPIRED`, `HOLD_EXCEEDED`, `TRANSFER_TO_ITSELF`, `WALLET_CLOSED`
   */
  async function capture(sql: Sql, { id, amount, to }: CaptureRequest): Promise<Hold> {
    const before = await readHold(sql, id);
    const taken = amount ?? before.amount;
    if (to.kind === before.account.kind && to.owner === before.account.owner)
      throw new Fault('TRANSFER_TO_ITSELF', { id });
    await lockAccounts(sql, before, to);
    return withWalletFaults({ id }, async () => {
      const decided = await sql`
        UPDATE hold SET state = 'captured', captured = ${taken}
        WHERE id = ${id}::uuid AND state = 'open' AND ${taken}::numeric <= amount AND clock_timestamp() < expires_at
        RETURNING id`;
      if (decided.length === 0) throw refusal(await readHold(sql, id), taken);
      const legs = [{ debit: before.account, credit: to, asset: before.asset, amount: taken }];
      await parts.ledger.post(sql, { scope: holdScope, key: id, legs });
      return readHold(sql, id);
    });
  }

  /** @throws Fault `HOLD_NOT_FOUND`, `HOLD_NOT_OPEN`, `HOLD_EXPIRED` */
  async function voidHold(sql: Sql, id: string): Promise<Hold> {
    const before = await readHold(sql, id);
    await lockAccounts(sql, before);
    const decided = await sql`
      UPDATE hold SET state = 'voided'
      WHERE id = ${id}::uuid AND state = 'open' AND clock_timestamp() < expires_at
      RETURNING id`;
    const after = await readHold(sql, id);
    if (decided.length === 0) throw refusal(after, after.amount);
    return after;
  }
}

/** Balances before holds, all at once and in id order: the order of whoever posts and meets expired holds. */
async function lockAccounts(sql: Sql, { account, asset }: Hold, to: AccountName = account): Promise<void> {
  const accountOf = await openAccounts(sql, [
    { account, asset },
    { account: to, asset },
  ]);
  await sql`SELECT lock_balances(${[accountOf(account, asset).id, accountOf(to, asset).id]}::bigint[])`;
}

function refusal({ id, state, amount }: Hold, taken: Amount): Fault {
  if (state === 'expired') return new Fault('HOLD_EXPIRED', { id });
  if (state !== 'open') return new Fault('HOLD_NOT_OPEN', { id, state });
  if (taken > amount) return new Fault('HOLD_EXCEEDED', { id });
  // It was open when the deciding statement came too late for it.
  return new Fault('HOLD_EXPIRED', { id });
}

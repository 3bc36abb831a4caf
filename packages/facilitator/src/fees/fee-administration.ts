import type { Database, Sql } from '@tollkeeper/database';
import { Fault, type Asset } from '@tollkeeper/protocol';
import { appendAudit, type AuditedChange } from '../audit/audit.js';
import { findMerchant } from '../tenancy/merchants.js';
import { listFeeTerms, setFeeTerms, type FeeTerms } from './fee-terms.js';
import { setReferrer } from './referrals.js';
import type { FeeRate } from './split-fee.js';

/** What the operator lets a merchant do. */
export interface MerchantLimits {
  /** How many wallets it may ever make. */
  readonly walletQuota: number;
  /** How long a new payout address waits. */
  readonly payoutWaitHours: number;
}

/** Minor units of an asset that a referrer is owed. */
export interface OwedReward extends Asset {
  readonly amount: bigint;
}

export type FeeAdministration = ReturnType<typeof createFeeAdministration>;

/** What merchants pay and may, by the operator's command alone. Every change stands in the merchant's audit. */
export function createFeeAdministration({ database }: { readonly database: Database }) {
  return { setTerms, terms, refer, owed, setLimits };

  /** @throws Fault `MERCHANT_NOT_FOUND`, `FEE_TERMS_REFUSED` */
  async function setTerms(wanted: {
    readonly merchant: string;
    readonly asset: Asset;
    readonly rate: FeeRate;
    readonly from: Date | undefined;
  }): Promise<FeeTerms> {
    return change(wanted.merchant, async (sql, merchantId) => {
      const after = await setFeeTerms(sql, { ...wanted, merchantId });
      return { result: after, change: { action: 'fee_terms.set', after } };
    });
  }

  /** @throws Fault `MERCHANT_NOT_FOUND` */
  async function terms(merchant: string): Promise<readonly FeeTerms[]> {
    return listFeeTerms(database.sql, (await findMerchant(database.sql, merchant)).id);
  }

  /** @throws Fault `MERCHANT_NOT_FOUND`, `REFERRAL_REFUSED` */
  async function refer(wanted: {
    readonly merchant: string;
    readonly referrer: string;
    readonly shareBps: bigint;
  }): Promise<void> {
    await change(wanted.merchant, async (sql, merchantId) => {
      const { id: referrerId } = await findMerchant(sql, wanted.referrer);
      await setReferrer(sql, { merchantId, referrerId, shareBps: wanted.shareBps });
      const after = { referrerId, shareBps: wanted.shareBps };
      return { result: undefined, change: { action: 'referral.set', after } };
    });
  }

  /**
   * What a merchant has earned by bringing others, by asset.
   * @throws Fault `MERCHANT_NOT_FOUND`
   */
  async function owed(merchant: string): Promise<readonly OwedReward[]> {
    const { id } = await findMerchant(database.sql, merchant);
    return database.sql<OwedReward>`
      SELECT asset.network, asset.token, balance.credit - balance.debit AS amount
      FROM account
      JOIN balance ON balance.account_id = account.id
      JOIN asset ON asset.id = account.asset_id
      WHERE account.kind = 'referral_payable' AND account.owner = ${id}
      ORDER BY asset.network, asset.token`;
  }

  /**
   * Sets what is given and leaves the rest.
   * @throws Fault `MERCHANT_NOT_FOUND`
   */
  async function setLimits(merchant: string, limits: Partial<MerchantLimits>): Promise<MerchantLimits> {
    if (Object.keys(limits).length === 0) {
      return readLimits(database.sql, (await findMerchant(database.sql, merchant)).id);
    }
    return change(merchant, async (sql, merchantId) => {
      const before = await readLimits(sql, merchantId);
      const after = { ...before, ...limits };
      await sql`
        UPDATE merchant SET wallet_quota = ${after.walletQuota}, payout_wait = make_interval(hours => ${after.payoutWaitHours})
        WHERE id = ${merchantId}::uuid`;
      return { result: after, change: { action: 'merchant.limits', before, after } };
    });
  }

  async function change<T>(
    merchant: string,
    work: (sql: Sql, merchantId: string) => Promise<{ readonly result: T; readonly change: AuditedChange }>,
  ): Promise<T> {
    return database.transaction(async (sql) => {
      const { id: merchantId } = await findMerchant(sql, merchant);
      const { result, change: noted } = await work(sql, merchantId);
      await appendAudit(sql, { subject: merchantId, ...noted, merchantId, actor: { kind: 'operator' } });
      return result;
    });
  }
}

async function readLimits(sql: Sql, merchantId: string): Promise<MerchantLimits> {
  const [row] = await sql<MerchantLimits>`
    SELECT wallet_quota AS "walletQuota", (extract(epoch FROM payout_wait) / 3600)::integer AS "payoutWaitHours"
    FROM merchant WHERE id = ${merchantId}::uuid`;
  if (row === undefined) throw new Fault('MERCHANT_NOT_FOUND');
  return row;
}

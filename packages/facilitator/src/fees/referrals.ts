import { isCheckViolation, isUniqueViolation, type Sql } from '@tollkeeper/database';
import { Fault } from '@tollkeeper/protocol';

/**
 * Names who brought a merchant, once and for all, and its share of the fees from now on. The database refuses a second
 * referrer, oneself, and one that was brought by the merchant, directly or not.
 * @throws Fault `REFERRAL_REFUSED`
 */
export async function setReferrer(
  sql: Sql,
  referral: { readonly merchantId: string; readonly referrerId: string; readonly shareBps: bigint },
): Promise<void> {
  const { merchantId, referrerId, shareBps } = referral;
  try {
    await sql`
      INSERT INTO referral (merchant_id, referrer_id, share_bps)
      VALUES (${merchantId}::uuid, ${referrerId}::uuid, ${shareBps}::integer)`;
  } catch (error) {
    const refused =
      isUniqueViolation(error, 'referral_pkey') ||
      isCheckViolation(error, 'referral_not_oneself') ||
      isCheckViolation(error, 'referral_no_loop');
    throw refused ? new Fault('REFERRAL_REFUSED', {}, { cause: error }) : error;
  }
}

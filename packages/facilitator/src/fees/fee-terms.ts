import { isCheckViolation, isUniqueViolation, type Sql } from '@tollkeeper/database';
import { Fault, type Asset } from '@tollkeeper/protocol';
import { splitFee, type FeeRate, type Shares } from './split-fee.js';

/** What a merchant pays in one asset from a time on. */
export interface FeeTerms extends FeeRate {
  readonly asset: Asset;
  readonly effectiveFrom: Date;
}

/** What a payment would cost now. */
export interface FeeQuote {
  readonly gross: bigint;
  /** What the merchant pays; how it is shared with a referrer is not its business. */
  readonly fee: bigint;
  readonly net: bigint;
  /** Undefined where payments in this asset cost nothing. */
  readonly terms: FeeTerms | undefined;
}

/**
 * Sets what a merchant's payments cost that are claimed from a time on, the present unless stated.
 * @throws Fault `FEE_TERMS_REFUSED` for a time that is over, or for which there are terms already
 */
export async function setFeeTerms(
  sql: Sql,
  terms: {
    readonly merchantId: string;
    readonly asset: Asset;
    readonly rate: FeeRate;
    readonly from?: Date | undefined;
  },
): Promise<FeeTerms> {
  const { merchantId, asset, rate } = terms;
  try {
    const [row] = await sql<TermsRow>`
      INSERT INTO fee_terms (merchant_id, network, token, bps, fixed, effective_from)
      VALUES (${merchantId}::uuid, ${asset.network}, ${asset.token}, ${rate.bps}::integer, ${rate.fixed},
        coalesce(${terms.from ?? null}::timestamptz, now()))
      RETURNING bps::bigint, fixed, effective_from AS "effectiveFrom"`;
    if (row === undefined) throw new Fault('INTERNAL', { problem: 'terms that were not written' });
    return { asset, ...row };
  } catch (error) {
    const refused = isUniqueViolation(error, 'fee_terms_once') || isCheckViolation(error, 'fee_terms_not_backdated');
    throw refused ? new Fault('FEE_TERMS_REFUSED', {}, { cause: error }) : error;
  }
}

/** All terms of a merchant, the newest first. */
export async function listFeeTerms(sql: Sql, merchantId: string): Promise<readonly FeeTerms[]> {
  const rows = await sql<TermsRow & Asset>`
    SELECT network, token, bps::bigint, fixed, effective_from AS "effectiveFrom" FROM fee_terms
    WHERE merchant_id = ${merchantId}::uuid ORDER BY effective_from DESC, id DESC LIMIT 1000`;
  return rows.map(({ network, token, ...terms }) => ({ asset: { network, token }, ...terms }));
}

/** What a payment would cost that is claimed now. */
export async function quoteFee(
  sql: Sql,
  query: { readonly merchantId: string; readonly asset: Asset; readonly gross: bigint },
): Promise<FeeQuote> {
  const { merchantId, asset, gross } = query;
  const [row] = await sql<TermsRow>`
    SELECT bps::bigint, fixed, effective_from AS "effectiveFrom" FROM fee_terms
    WHERE merchant_id = ${merchantId}::uuid AND network = ${asset.network} AND token = ${asset.token}
      AND effective_from <= now()
    ORDER BY effective_from DESC LIMIT 1`;
  const { net }: Shares = splitFee(gross, row ?? { bps: 0n, fixed: 0n }, 0n);
  return { gross, fee: gross - net, net, terms: row === undefined ? undefined : { asset, ...row } };
}

interface TermsRow extends FeeRate {
  readonly effectiveFrom: Date;
}

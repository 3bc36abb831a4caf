/** What the operator takes of a payment: a share in basis points, and fixed minor units of the payment's asset. */
export interface FeeRate {
  readonly bps: bigint;
  readonly fixed: bigint;
}

/** Who gets what of a payment, in minor units. The four always sum to the whole payment. */
export interface Shares {
  /** The merchant's. */
  readonly net: bigint;
  /** The operator's. */
  readonly fee: bigint;
  /** Owed to whoever brought the merchant. */
  readonly referral: bigint;
  /** What was left over when fee and referral were rounded down: at most one unit. */
  readonly rounding: bigint;
}

const whole = 10_000n;

/**
 * Shares a payment out. What the merchant pays is rounded down in its favour and never exceeds the payment; of that, the
 * referrer's share and the operator's are rounded down as well, and the unit that may be left over is nobody's.
 * @param referralBps the referrer's share of the fee; zero where there is no referrer
 */
export function splitFee(gross: bigint, rate: FeeRate, referralBps: bigint): Shares {
  const due = (gross * rate.bps) / whole + rate.fixed;
  const charged = due > gross ? gross : due;
  const referral = (charged * referralBps) / whole;
  const fee = (charged * (whole - referralBps)) / whole;
  return { net: gross - charged, fee, referral, rounding: charged - fee - referral };
}

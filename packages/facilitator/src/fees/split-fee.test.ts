import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitFee } from './split-fee.js';

const bps = fc.bigInt({ min: 0n, max: 10_000n });
const rates = fc.record({ bps, fixed: fc.bigInt({ min: 0n, max: 12_000n }) });

test('the shares of every amount up to 10,000 units sum to it, none is negative, and one unit at most is left over', () => {
  fc.assert(
    fc.property(rates, bps, (rate, referralBps) => {
      for (let gross = 0n; gross <= 10_000n; gross += 1n) {
        const { net, fee, referral, rounding } = splitFee(gross, rate, referralBps);
        const sound = net >= 0n && fee >= 0n && referral >= 0n && rounding >= 0n && rounding <= 1n;
        if (!sound || net + fee + referral + rounding !== gross)
          expect.fail(`${gross}: ${net} ${fee} ${referral} ${rounding}`);
      }
    }),
    { numRuns: 50 },
  );
});

test('amounts of 78 digits are shared out to the last unit', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 78n - 1n }), rates, bps, (gross, rate, referralBps) => {
      const { net, fee, referral, rounding } = splitFee(gross, rate, referralBps);
      expect(net + fee + referral + rounding).toBe(gross);
    }),
  );
});

test.each([
  {
    gross: 10_000n,
    rate: { bps: 100n, fixed: 0n },
    referralBps: 0n,
    net: 9_900n,
    fee: 100n,
    referral: 0n,
    rounding: 0n,
  },
  {
    gross: 10_000n,
    rate: { bps: 100n, fixed: 5n },
    referralBps: 2_000n,
    net: 9_895n,
    fee: 84n,
    referral: 21n,
    rounding: 0n,
  },
  {
    gross: 10_000n,
    rate: { bps: 0n, fixed: 7n },
    referralBps: 5_000n,
    net: 9_993n,
    fee: 3n,
    referral: 3n,
    rounding: 1n,
  },
  // Rounded down in the merchant's favour.
  { gross: 99n, rate: { bps: 100n, fixed: 0n }, referralBps: 0n, net: 99n, fee: 0n, referral: 0n, rounding: 0n },
  // A fee above the payment takes the payment and no more.
  { gross: 3n, rate: { bps: 10_000n, fixed: 9n }, referralBps: 0n, net: 0n, fee: 3n, referral: 0n, rounding: 0n },
])('$gross at $rate.bps bps and $rate.fixed, of which $referralBps bps are the referrer’s', (example) => {
  const { gross, rate, referralBps, ...shares } = example;
  expect(splitFee(gross, rate, referralBps)).toEqual(shares);
});

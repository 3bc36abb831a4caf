import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { amount, AmountText, parseAmount } from './amount.js';

const largest = 10n ** 78n - 1n;

describe('an amount', () => {
  test('is made of any bigint from zero to 78 digits', () => {
    for (const value of [0n, 1n, 2n ** 64n, 2n ** 256n, largest]) expect(amount(value)).toBe(value);
  });

  test('is never negative and never longer', () => {
    for (const value of [-1n, -(2n ** 255n), largest + 1n]) expect(() => amount(value)).toThrow(RangeError);
  });

  test('is read from its own text and from no other spelling of the number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: largest }), (value) => {
        const text = value.toString();
        expect(parseAmount(text)).toBe(value);
        expect(AmountText.parse(text)).toBe(value);
        for (const other of [` ${text}`, `${text} `, `0${text}`, `+${text}`, `-${text}`, `${text}.0`, `${text}\n`]) {
          expect(parseAmount(other)).toBeUndefined();
          expect(AmountText.safeParse(other).success).toBe(false);
        }
      }),
    );
  });

  test.each(['', ' ', '1e4', '0x2710', '0b1', '1_000', '1,000', '1.5', 'NaN', 'Infinity', '１', '٣', '9'.repeat(79)])(
    'is not %j',
    (text) => {
      expect(parseAmount(text)).toBeUndefined();
      expect(AmountText.safeParse(text).success).toBe(false);
    },
  );

  test.each([10000, 10000n, 1e4, Number.NaN, null, undefined, true, ['1'], {}])(
    'is a string on the wire, not %s',
    (value) => {
      expect(AmountText.safeParse(value).success).toBe(false);
    },
  );
});

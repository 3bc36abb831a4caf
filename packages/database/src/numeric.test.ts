import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Prisma } from './generated/client.js';
import { bigintFromDecimal, decimalFromBigint } from './numeric.js';

const limit = 10n ** 78n;

test('every amount a column can hold survives the way through a decimal and back', () => {
  fc.assert(
    fc.property(fc.bigInt(-limit, limit), (amount) => {
      expect(bigintFromDecimal(new Prisma.Decimal(decimalFromBigint(amount)))).toBe(amount);
    }),
    { examples: [[limit], [-limit], [0n], [10n ** 21n], [2n ** 256n - 1n]] },
  );
});

test('a value with a fraction is refused instead of being rounded', () => {
  for (const text of ['0.5', '1.000000000000000000000000000001', 'NaN', 'Infinity']) {
    expect(() => bigintFromDecimal(new Prisma.Decimal(text))).toThrow(RangeError);
  }
});

import { baseSepolia, solanaDevnet } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { formatAmount } from './format-amount.js';

const usdc = { network: baseSepolia, token: '0x036CbD53842c5426634e7929541eC2318f3dCF7e' };

test.each([
  [0n, '0.000000 USDC'],
  [1n, '0.000001 USDC'],
  [10_000n, '0.010000 USDC'],
  [999_999n, '0.999999 USDC'],
  [1_000_000n, '1.000000 USDC'],
  [123_456_789n, '123.456789 USDC'],
  [-50_000n, '-0.050000 USDC'],
  [10n ** 77n + 1n, `1${'0'.repeat(71)}.000001 USDC`],
])('%s minor units of USDC read %s', (minorUnits, text) => {
  expect(formatAmount(usdc, minorUnits)).toBe(text);
});

test('a token that is not known has no decimals to guess, and neither has one of another network', () => {
  const other = { network: baseSepolia, token: '0x0000000000000000000000000000000000000001' };
  expect(formatAmount(other, 10_000n)).toBe('10000 minor units of 0x0000000000000000000000000000000000000001');
  expect(formatAmount({ ...usdc, network: solanaDevnet }, 1n)).toBe(`1 minor units of ${usdc.token}`);
});

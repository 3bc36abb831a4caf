import { expect, test } from 'vitest';
import { calldataGas } from './calldata-gas.js';

// EIP-7623: a token is a quarter of the usual price of a byte that is not zero; the floor is ten gas for each.
test.each([
  ['0x', 0n, 0n],
  ['0x00', 4n, 10n],
  ['0x01', 16n, 40n],
  [`0x${'00'.repeat(12)}${'a1'.repeat(20)}`, 368n, 920n],
])('%s', (data, usual, floor) => {
  expect(calldataGas(data)).toEqual({ usual, floor });
});

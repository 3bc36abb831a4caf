import { describe, expect, test } from 'vitest';
import { knownTokens, knownTokensOf } from './known-tokens.js';
import { nameOfNetwork, networkOfName, parseNetworkOrName } from './network-names.js';
import { baseMainnet, baseSepolia, network, solanaDevnet, solanaMainnet } from './network.js';

describe('a version 1 name', () => {
  test.each([
    ['base', baseMainnet],
    ['base-sepolia', baseSepolia],
    ['ethereum', network('eip155:1')],
    ['avalanche-fuji', network('eip155:43113')],
    ['solana', solanaMainnet],
    ['solana-devnet', solanaDevnet],
  ])('%s means %s, and back', (name, id) => {
    expect(networkOfName(name)).toBe(id);
    expect(nameOfNetwork(id)).toBe(name);
  });

  test.each(['', 'Base', 'base ', 'eip155:8453', '__proto__', 'constructor', 'toString'])('is not %j', (name) => {
    expect(networkOfName(name)).toBeUndefined();
  });

  test('does not exist for every network', () => {
    expect(nameOfNetwork(network('eip155:31337'))).toBeUndefined();
  });
});

test('an operator may write either form', () => {
  expect(parseNetworkOrName('base-sepolia')).toBe(baseSepolia);
  expect(parseNetworkOrName('eip155:84532')).toBe(baseSepolia);
  expect(parseNetworkOrName('nowhere')).toBeUndefined();
});

test('every known token is found by its network alone', () => {
  for (const token of knownTokens) expect(knownTokensOf(token.network)).toContain(token);
  expect(knownTokensOf(network('eip155:31337'))).toEqual([]);
});

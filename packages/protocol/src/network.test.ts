import { describe, expect, test } from 'vitest';
import {
  baseMainnet,
  baseSepolia,
  evmChainId,
  network,
  networkFamily,
  parseNetwork,
  solanaDevnet,
  solanaMainnet,
  solanaTestnet,
} from './network.js';

describe('a network', () => {
  test('is a CAIP-2 id of a family that is known, as it stands', () => {
    for (const id of [baseMainnet, baseSepolia, solanaMainnet, solanaDevnet, solanaTestnet, 'eip155:1']) {
      expect(parseNetwork(id)).toBe(id);
    }
  });

  test.each([
    '',
    ':',
    'eip155',
    'eip155:',
    'eip155:0',
    'eip155:01',
    'eip155:-1',
    'eip155:1.0',
    'eip155:0x1',
    'eip155:1 ',
    ' eip155:1',
    'eip155:1:2',
    'EIP155:1',
    'eip155:9007199254740993',
    `eip155:${'9'.repeat(100)}`,
    'solana:',
    'solana:devnet',
    'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa',
    'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa11',
    'solana:0tWTRABZaYq6iMfeYKouRu166VU2xqa1',
    'bip122:000000000019d6689c085ae165831e93',
    'base-sepolia',
    '__proto__:1',
  ])('is not %j', (text) => {
    expect(parseNetwork(text)).toBeUndefined();
    expect(() => network(text)).toThrow(RangeError);
  });

  test('belongs to the family that its namespace names', () => {
    expect(networkFamily(baseSepolia)).toBe('eip155');
    expect(networkFamily(solanaDevnet)).toBe('solana');
  });

  test('has a chain id on EVM only', () => {
    expect(evmChainId(baseSepolia)).toBe(84_532n);
    expect(evmChainId(network('eip155:9007199254740991'))).toBe(2n ** 53n - 1n);
    expect(() => evmChainId(solanaDevnet)).toThrow(RangeError);
  });
});

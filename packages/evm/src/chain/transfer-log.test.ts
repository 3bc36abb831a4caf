import { amount, baseSepolia, type ClaimedTransfer } from '@tollkeeper/protocol';
import { sandboxKeys } from '@tollkeeper/sandbox';
import { describe, expect, test } from 'vitest';
import { addressWord, uintWord } from '../abi-word.js';
import { keccakOfText } from '../keccak.js';
import type { Log } from '../rpc/evidence-methods.js';
import { indexTransferLogs } from './transfer-log.js';

const { merchant, stranger, facilitator } = sandboxKeys.evm;
const payer = facilitator.address;
const token = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';
const topicOf = (text: string) => `0x${keccakOfText(text).toString('hex')}`;
const word = (address: string) => `0x${addressWord(address)}`;
const nonce = (name: string) => keccakOfText(name).toString('hex');

const moved = (value: bigint, from = payer, to: string = merchant.address): Log => ({
  address: token.toLowerCase(),
  topics: [topicOf('Transfer(address,address,uint256)'), word(from), word(to)],
  data: `0x${uintWord(value)}`,
});
const used = (name: string): Log => ({
  address: token.toLowerCase(),
  topics: [topicOf('AuthorizationUsed(address,bytes32)'), word(payer), `0x${nonce(name)}`],
  data: '0x',
});
const claim = (name: string, value = 5n): ClaimedTransfer => ({
  asset: { network: baseSepolia, token },
  payer,
  payTo: merchant.address,
  amount: amount(value),
  claimKey: `00${nonce(name)}`,
});

const ordinal = (logs: readonly Log[], wanted: ClaimedTransfer, place?: number) => {
  const log = indexTransferLogs(logs).find(wanted, place === undefined ? undefined : () => place);
  return log.found ? log.ordinal : log.isUsed ? 'inexact' : 'unused';
};

describe('the log of a transfer', () => {
  test('stands behind the one of its own authorization', () => {
    const logs = [used('a'), moved(5n), used('b'), moved(5n), used('c'), moved(6n)];
    expect(['a', 'b', 'c', 'd'].map((name) => ordinal(logs, claim(name)))).toEqual([1, 3, 'inexact', 'unused']);
  });

  test('or before it, where a token writes it first', () => {
    const logs = [moved(5n), used('a'), moved(6n, payer, stranger.address), moved(5n), used('b')];
    expect(ordinal(logs, claim('b'))).toBe(3);
    expect(ordinal([moved(5n), used('a')], claim('a'))).toBe(0);
  });

  test('is not another payment of the same money', () => {
    expect(ordinal([used('a'), used('b'), moved(5n)], claim('a'))).toBe('inexact');
    expect(ordinal([moved(5n), used('b'), moved(5n)], claim('a'))).toBe('unused');
  });

  test('of a token that writes nothing of authorizations is the one in its place', () => {
    const logs = [moved(5n), moved(7n), moved(5n)];
    expect([0, 1, 2].map((place) => ordinal(logs, claim('a'), place))).toEqual([0, 2, 'unused']);
    expect(ordinal(logs, claim('a'))).toBe(0);
  });

  test.each<[string, Partial<Log>]>([
    ['another contract', { address: stranger.address }],
    ['other data', { data: `0x${uintWord(4n)}` }],
    ['more data', { data: `0x${uintWord(5n)}00` }],
    ['a topic more', { topics: [...moved(5n).topics, word(payer)] }],
    ['a topic less', { topics: moved(5n).topics.slice(0, 2) }],
  ])('with %s is none', (_name, change) => {
    expect(ordinal([used('a'), { ...moved(5n), ...change }], claim('a'))).toBe('inexact');
  });
});

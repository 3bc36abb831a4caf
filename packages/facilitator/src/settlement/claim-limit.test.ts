import type { Network } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { createClaimLimit } from './claim-limit.js';

const [base, solana] = ['eip155:8453', 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp'] as [Network, Network];

/** A payment of a token by somebody. */
const by = (payer: string, { network = base, token = 'usdc' } = {}) => ({ payer, asset: { network, token } });

test('as many places are given as there are, and one that is given back is given again', () => {
  const limit = createClaimLimit(2);
  const [first, second] = [limit.take(by('one')), limit.take(by('another'))];
  expect([first, second]).not.toContain(undefined);
  expect(limit.take(by('third'))).toBeUndefined();
  expect(limit.taken(base)).toBe(2);
  first?.();
  expect(limit.taken(base)).toBe(1);
  expect(limit.take(by('third'))).toBeDefined();
});

test('a place that is given back twice counts once', () => {
  const limit = createClaimLimit(2);
  const first = limit.take(by('one'));
  limit.take(by('another'));
  first?.();
  first?.();
  expect(limit.taken(base)).toBe(1);
});

test('a network without a place left leaves those of another alone', () => {
  const limit = createClaimLimit(1);
  limit.take(by('one', { network: solana }));
  expect(limit.take(by('another', { network: solana }))).toBeUndefined();
  expect(limit.take(by('another'))).toBeDefined();
});

test('a payer gets a tenth of the places for a token, rounded up, and leaves the others to others', () => {
  const limit = createClaimLimit(11);
  const first = limit.take(by('one'));
  expect([first, limit.take(by('one'))]).not.toContain(undefined);
  expect(limit.take(by('one'))).toBeUndefined();
  expect(limit.taken(base)).toBe(2);
  for (const other of [by('another'), by('one', { token: 'eurc' }), by('one', { network: solana })]) {
    expect(limit.take(other)).toBeDefined();
  }
  first?.();
  first?.();
  expect(limit.take(by('one'))).toBeDefined();
  expect(limit.take(by('one'))).toBeUndefined();
});

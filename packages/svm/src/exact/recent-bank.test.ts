import { expect, test } from 'vitest';
import type { SolanaRpc } from '../rpc/solana-rpc.js';
import { createRecentBank } from './recent-bank.js';

/** A cluster that is one slot further at each question, and a clock that the test turns. */
function start() {
  let [slot, nowMs] = [1000n, 0];
  let isAway = false;
  const epochInfo = async () => {
    slot += 1n;
    if (isAway) throw new Error('away');
    return { slot, blockHeight: slot - 200n };
  };
  const rpc = { epochInfo } as Partial<SolanaRpc> as SolanaRpc;
  return {
    bank: createRecentBank({ rpc, clock: { now: () => new Date(nowMs) } }),
    pass: (ms: number) => (nowMs += ms),
    leave: (away: boolean) => (isAway = away),
  };
}

test('all who ask within a slot share one request, and the next slot another', async () => {
  const { bank, pass } = start();
  const first = await Promise.all([bank(), bank(), bank()]);
  expect(first).toEqual(Array.from({ length: 3 }, () => ({ slot: 1001n, blockHeight: 801n })));
  pass(399);
  expect((await bank()).slot).toBe(1001n);
  pass(1);
  expect((await bank()).slot).toBe(1002n);
});

test('a question that failed is not remembered', async () => {
  const { bank, leave } = start();
  leave(true);
  const asked = [bank(), bank()];
  for (const each of asked) await expect(each).rejects.toThrow('away');
  leave(false);
  expect((await bank()).slot).toBe(1002n);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { baseSepolia } from '../network.js';
import { createEndpointPool } from './endpoint-pool.js';
import { NoAnswerError } from './no-answer-error.js';

interface SlowEndpoint {
  hangs: boolean;
}

/** What it takes to answer at all; with less time left, a well endpoint is as good as hanging. */
const answerMs = 20;

/** Two endpoints that hang for as long as they are given, or answer, and a pool of them that asks which one answered. */
function poolOf(first: SlowEndpoint, second: SlowEndpoint) {
  const answer = async ({ hangs }: SlowEndpoint, timeoutMs: number): Promise<void> => {
    if (!hangs && timeoutMs >= answerMs) return;
    await sleep(timeoutMs);
    throw new NoAnswerError('timeout', 'timeout');
  };
  const pool = createEndpointPool<SlowEndpoint>({
    network: baseSepolia,
    clients: [first, second],
    identify: (client, timeoutMs) => answer(client, timeoutMs).then(() => 'genesis'),
    height: (client, timeoutMs) => answer(client, timeoutMs).then(() => 1n),
    limits: { timeoutMs: 200, cooldownMs: 10_000, compareEveryMs: 100_000, maximumLagBlocks: 5 },
    onWarning: () => undefined,
  });
  return {
    ask: () => pool.run((client, timeoutMs) => answer(client, timeoutMs).then(() => client)),
    states: () => pool.statuses().map(({ state }) => state),
  };
}

test('the first call of a process is answered although its first endpoint hangs', async () => {
  const [first, second] = [{ hangs: true }, { hangs: false }];
  const { ask, states } = poolOf(first, second);
  expect(await ask()).toBe(second);
  expect(await ask()).toBe(second);
  await expect.poll(states).toEqual(['away', 'serving']);
});

test('an endpoint that is well again is asked although all are left alone and the first one hangs', async () => {
  const [first, second] = [{ hangs: false }, { hangs: false }];
  const { ask } = poolOf(first, second);
  await ask();
  first.hangs = second.hangs = true;
  await expect(ask()).rejects.toMatchObject({ code: 'CHAIN_RPC_UNAVAILABLE' });
  second.hangs = false;
  expect(await ask()).toBe(second);
});

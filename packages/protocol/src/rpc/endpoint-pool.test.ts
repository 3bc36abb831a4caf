import { expect, test } from 'vitest';
import { Fault, isFault } from '../faults.js';
import { baseSepolia } from '../network.js';
import { createEndpointPool } from './endpoint-pool.js';
import { NoAnswerError } from './no-answer-error.js';
import { RefusingEndpointError } from './refusing-endpoint-error.js';

/** An endpoint that does as it is told. */
function fakeEndpoint(name: string) {
  return { name, chain: 'genesis', height: 100n, isAway: false, isRefusing: false, asked: 0, identified: 0 };
}

type FakeEndpoint = ReturnType<typeof fakeEndpoint>;

function poolOf(...clients: [FakeEndpoint, ...FakeEndpoint[]]) {
  const warnings: string[] = [];
  const time = { nowMs: 0 };
  const requireAnswer = ({ isAway, isRefusing }: FakeEndpoint) => {
    if (isAway) throw new NoAnswerError('timeout', 'timeout');
    if (isRefusing) throw new RefusingEndpointError('quota spent');
  };
  const pool = createEndpointPool<FakeEndpoint>({
    network: baseSepolia,
    clients,
    identify: async (client) => {
      client.identified += 1;
      requireAnswer(client);
      if (client.chain === 'another id') throw new Fault('CHAIN_WRONG_NETWORK', { network: baseSepolia });
      return client.chain;
    },
    height: async (client) => {
      requireAnswer(client);
      return client.height;
    },
    limits: { timeoutMs: 1_000, cooldownMs: 1_000, compareEveryMs: 5_000, maximumLagBlocks: 5 },
    onWarning: (message, { endpoint }) => warnings.push(`${String(endpoint)}: ${message}`),
    nowMs: () => time.nowMs,
  });
  const ask = () =>
    pool.run(async (client) => {
      client.asked += 1;
      requireAnswer(client);
      return client.name;
    });
  return {
    pool,
    warnings,
    ask,
    /** Lets the time pass and the comparison that is due then come to its end. */
    pass: async (ms: number) => {
      time.nowMs += ms;
      await ask().catch(() => undefined);
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
    },
    states: () => pool.statuses().map(({ state }) => state),
  };
}

test('the first endpoint is used as long as it answers', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  const { ask } = poolOf(first, second);
  for (let call = 0; call < 5; call += 1) expect(await ask()).toBe('first');
  expect(second.asked).toBe(0);
});

test('the next one takes over when it does not answer, and stays in use when the first is back', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  const { ask, pass, states, warnings } = poolOf(first, second);
  await pass(0);
  first.isAway = true;
  expect(await ask()).toBe('second');
  expect(await ask()).toBe('second');
  expect(first.asked).toBe(2);
  expect(states()).toEqual(['away', 'serving']);

  first.isAway = false;
  await pass(5_000);
  expect(states()).toEqual(['serving', 'serving']);
  expect(await ask()).toBe('second');
  expect(warnings).toEqual(['1: An RPC endpoint does not answer', '1: An RPC endpoint is back']);
});

test('an answer that is an error is the outcome, wherever else one could ask', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  const { pool } = poolOf(first, second);
  const refusal = new Error('execution reverted');
  await expect(pool.run(() => Promise.reject(refusal))).rejects.toBe(refusal);
  expect(pool.statuses()[0]?.state).toBe('serving');
});

test('one that refuses to serve is left like one that is away, until it serves again', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  const { ask, pass, states, warnings } = poolOf(first, second);
  await pass(0);
  first.isRefusing = true;
  expect([await ask(), await ask()]).toEqual(['second', 'second']);
  expect(first.asked).toBe(2);
  expect(states()).toEqual(['refusing', 'serving']);

  first.isRefusing = false;
  await pass(5_000);
  expect(states()).toEqual(['serving', 'serving']);
  expect(await ask()).toBe('second');
  expect(first.identified, 'it was there all the time').toBe(1);
  expect(warnings).toEqual(['1: An RPC endpoint refuses to serve', '1: An RPC endpoint is back']);
});

test('the only endpoint is asked each question although it refused the one before, and nothing else', async () => {
  const only = fakeEndpoint('only');
  const { ask, states } = poolOf(only);
  await ask();
  only.isRefusing = true;
  for (let call = 0; call < 5; call += 1) {
    const fault = await ask().catch((error: unknown) => error);
    if (!isFault(fault, 'CHAIN_RPC_UNAVAILABLE')) return expect.fail(String(fault));
    expect(fault.facts).toEqual({ network: baseSepolia, endpoints: 1, trouble: 'quota spent' });
  }
  expect(states()).toEqual(['refusing']);
  expect(only).toMatchObject({ asked: 6, identified: 1 });
  only.isRefusing = false;
  expect(await ask()).toBe('only');
  expect(states()).toEqual(['serving']);
});

test('one that refuses to say which chain it serves is not used before it does', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  const { ask, pass, states } = poolOf(first, second);
  Object.assign(first, { isRefusing: true, chain: 'another genesis' });
  await pass(0);
  expect(await ask()).toBe('second');
  expect(states()).toEqual(['refusing', 'serving']);
  first.isRefusing = false;
  await pass(5_000);
  expect(states()).toEqual(['wrong_network', 'serving']);
  expect(first.asked).toBe(0);
});

test('an endpoint that stays away is asked less and less often', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  const { pass, ask } = poolOf(first, second);
  first.isAway = true;
  await ask();
  const looks: number[] = [];
  for (let round = 0; round < 40; round += 1) {
    const before = first.identified;
    await pass(5_000);
    looks.push(first.identified - before);
  }
  expect(looks.slice(0, 8).reduce((sum, one) => sum + one)).toBeGreaterThan(2);
  expect(looks.slice(20).reduce((sum, one) => sum + one)).toBeLessThan(4);
});

test('when none answers, that is a fault, and the only endpoint is asked again at once', async () => {
  const only = fakeEndpoint('only');
  const { ask, warnings } = poolOf(only);
  only.isAway = true;
  const fault = await ask().catch((error: unknown) => error);
  if (!isFault(fault, 'CHAIN_RPC_UNAVAILABLE')) return expect.fail(String(fault));
  expect(fault.facts).toEqual({ network: baseSepolia, endpoints: 1, trouble: 'timeout' });
  only.isAway = false;
  expect(await ask()).toBe('only');
  expect(warnings, 'nothing that could be done').toEqual([]);
});

test('an endpoint of another chain is left out, whether its id or its first block is another', async () => {
  const [first, other, copy] = [fakeEndpoint('first'), fakeEndpoint('other'), fakeEndpoint('copy')];
  other.chain = 'another id';
  copy.chain = 'another genesis';
  const { ask, pass, states, warnings } = poolOf(first, other, copy);
  await pass(0);
  expect(states()).toEqual(['serving', 'wrong_network', 'wrong_network']);
  expect(warnings.toSorted()).toEqual([
    '2: An RPC endpoint serves another network and is left out',
    '3: An RPC endpoint serves another network and is left out',
  ]);
  first.isAway = true;
  expect(isFault(await ask().catch((error: unknown) => error), 'CHAIN_RPC_UNAVAILABLE')).toBe(true);
  expect([other.asked, copy.asked]).toEqual([0, 0]);
});

test('an endpoint that comes back as another chain is not used', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  const { ask, pass, states } = poolOf(first, second);
  await pass(0);
  first.isAway = true;
  await ask();
  Object.assign(first, { isAway: false, chain: 'another genesis' });
  await pass(5_000);
  expect(states()).toEqual(['wrong_network', 'serving']);
  second.isAway = true;
  const before = first.asked;
  await ask().catch(() => undefined);
  expect(first.asked).toBe(before);
});

test('a pool that is bound to a chain uses no endpoint of another, the first that answers included', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  first.chain = 'another genesis';
  const { pool, ask, states } = poolOf(first, second);
  pool.bindTo('genesis');
  expect(await ask()).toBe('second');
  expect(first.asked).toBe(0);
  expect(states()).toEqual(['wrong_network', 'serving']);
  expect(() => {
    pool.bindTo('another genesis');
  }).toThrow(expect.objectContaining({ code: 'CHAIN_CHANGED' }));
});

test('endpoints that all serve another chain are told apart from an outage', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  first.chain = second.chain = 'another id';
  const { ask } = poolOf(first, second);
  for (let call = 0; call < 3; call += 1) {
    expect(isFault(await ask().catch((error: unknown) => error), 'CHAIN_WRONG_NETWORK')).toBe(true);
  }
});

test('an endpoint that lags behind leaves the rotation until it caught up', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  const { ask, pass, states, warnings } = poolOf(first, second);
  second.height = 105n;
  await pass(0);
  expect(states()).toEqual(['serving', 'serving']);
  second.height = 106n;
  await pass(5_000);
  expect(states()).toEqual(['lagging', 'serving']);
  expect(await ask()).toBe('second');
  second.isAway = true;
  expect(await ask(), 'better old blocks than none').toBe('first');
  Object.assign(second, { isAway: false });
  first.height = 106n;
  await pass(5_000);
  expect(states()).toEqual(['serving', 'serving']);
  expect(warnings).toContain('1: An RPC endpoint lags behind the others');
});

test('work of several calls stays on one endpoint, and begins anew on the next', async () => {
  const [first, second] = [fakeEndpoint('first'), fakeEndpoint('second')];
  const { pool } = poolOf(first, second);
  const calls: string[] = [];
  const result = await pool.runOnOne(async (client) => {
    for (const step of [1, 2]) {
      calls.push(`${client.name} ${step}`);
      if (client.name === 'first' && step === 2) throw new NoAnswerError('unreachable', 'ECONNRESET');
    }
    return client.name;
  });
  expect(result).toBe('second');
  expect(calls).toEqual(['first 1', 'first 2', 'second 1', 'second 2']);
});

test('a call is told its share of the time limit, so that all endpoints get their turn', async () => {
  const { pool } = poolOf(fakeEndpoint('first'), fakeEndpoint('second'));
  const shares: number[] = [];
  await pool
    .run((_client, timeoutMs) => {
      shares.push(timeoutMs);
      return Promise.reject(new NoAnswerError('timeout', 'timeout'));
    })
    .catch(() => undefined);
  expect(shares).toEqual([500, 1_000]);
});

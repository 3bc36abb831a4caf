import { baseSepolia, Fault, type Chain, type EndpointStatus } from '@tollkeeper/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { chainChecks, createReadiness } from './readiness.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** The readiness of one network whose node counts what it is asked. */
function readinessOf(endpoints: readonly EndpointStatus[], isAway = false) {
  const asked = { height: 0, balance: 0 };
  const chain = {
    network: baseSepolia,
    signers: ['0xsigner'],
    blockHeight: async () => {
      asked.height += 1;
      if (isAway) throw new Fault('CHAIN_RPC_UNAVAILABLE');
      return 7n;
    },
    nativeBalance: async () => {
      asked.balance += 1;
      return 1n;
    },
  } as unknown as Chain;
  const checks = chainChecks({ chain, endpoints: () => endpoints, signerBalanceMin: 1n });
  return { asked, readiness: createReadiness({ shared: [], networks: [checks] }) };
}

test('many who probe at once and again ask the node once', async () => {
  const { asked, readiness } = readinessOf([{ endpoint: 1, state: 'serving' }]);
  await Promise.all(Array.from({ length: 100 }, readiness));
  expect(await readiness()).toMatchObject({ ready: true });
  expect(asked).toEqual({ height: 1, balance: 1 });
});

test('an endpoint that is left out is named, and keeps nobody from being served', async () => {
  const { readiness } = readinessOf([
    { endpoint: 1, state: 'serving' },
    { endpoint: 2, state: 'wrong_network' },
    { endpoint: 3, state: 'lagging' },
    { endpoint: 4, state: 'refusing' },
  ]);
  const { ready, checks } = await readiness();
  expect(ready).toBe(true);
  expect(checks[0]).toEqual({
    name: `rpc ${baseSepolia}`,
    ok: true,
    detail: [
      'Endpoint 2 of EVM_RPC_URL serves another network',
      'Endpoint 3 of EVM_RPC_URL lags behind',
      'Endpoint 4 of EVM_RPC_URL refuses to serve: its quota is spent, or its node is unhealthy',
    ].join('; '),
  });
});

test('when none answers, the reason names them all and says what to do', async () => {
  const { readiness } = readinessOf([{ endpoint: 1, state: 'away' }], true);
  const { ready, checks } = await readiness();
  expect(ready).toBe(false);
  expect(checks[0]).toMatchObject({
    ok: false,
    detail:
      'No RPC endpoint answers: start the node, or correct EVM_RPC_URL; Endpoint 1 of EVM_RPC_URL does not answer',
  });
});

test.each([
  { ready: true, shared: '+', networks: ['++'] },
  { ready: false, shared: '+', networks: ['+-'] },
  { ready: true, shared: '+', networks: ['+-', '++'] },
  { ready: false, shared: '+', networks: ['+-', '-+'] },
  { ready: false, shared: '-', networks: ['++', '++'] },
])('with $shared for all and $networks for each network, ready is $ready, and each check is told', async (wanted) => {
  const check = (sign: string) => ({
    name: sign,
    run: async () => (sign === '+' ? undefined : 'repair it'),
    withoutAnswer: 'start it',
  });
  const checksOf = (signs: string) => Array.from(signs, check);
  const { shared, networks } = wanted;
  const readiness = createReadiness({ shared: checksOf(shared), networks: networks.map(checksOf) });
  const { ready, checks } = await readiness();
  expect(ready).toBe(wanted.ready);
  const signs = [shared, ...networks].join('');
  expect(checks.map(({ name, ok }) => [name, ok])).toEqual(Array.from(signs, (sign) => [sign, sign === '+']));
});

test('a check that hangs has failed before a probe gives up after five seconds', async () => {
  const hanging = { name: 'hanging', run: () => new Promise<undefined>(() => undefined), withoutAnswer: 'start it' };
  const answer = createReadiness({ shared: [hanging], networks: [] })();
  await vi.advanceTimersByTimeAsync(4_000);
  expect(await answer).toEqual({ ready: false, checks: [{ name: 'hanging', ok: false, detail: 'start it' }] });
});

import { baseSepolia } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type EvmSetup, startEvmSetup } from '../../../../test/support/evm-setup.js';

const asset = { network: baseSepolia, token: BASE_SEPOLIA_USDC };
const missing = { network: baseSepolia, token: '0x00000000000000000000000000000000000000Aa' };
let setup: EvmSetup;
let evm: ReturnType<EvmSetup['network']>;

beforeAll(async () => {
  setup = await startEvmSetup();
  evm = setup.network();
});
afterEach(() => setup.proxy.reset());
afterAll(() => setup.stop());

async function finalNumber(): Promise<bigint> {
  const block = (await setup.anvil.rpc('eth_getBlockByNumber', ['finalized', false])) as { number: string };
  return BigInt(block.number);
}

test('balances are those of the final block, not of the newest', async () => {
  const { address } = await setup.payer({ amount: 5n });
  await setup.anvil.mine(2);
  const blockNumber = await finalNumber();
  const newest = await setup.anvil.rpc('eth_blockNumber');
  expect(BigInt(newest as string)).toBeGreaterThan(blockNumber);
  expect(await evm.chain.balancesAtFinalized([{ asset, owner: address }])).toEqual([{ balance: 5n, blockNumber }]);
  await setup.anvil.mint({ token: BASE_SEPOLIA_USDC, to: address, amount: 7n });
  const [early] = await evm.chain.balancesAtFinalized([{ asset, owner: address }]);
  expect(early).toEqual({ balance: 5n, blockNumber: blockNumber + 1n });
  await setup.anvil.mine(2);
  const [late] = await evm.chain.balancesAtFinalized([{ asset, owner: address }]);
  expect(late).toEqual({ balance: 12n, blockNumber: blockNumber + 3n });
});

test('five hundred holders cost four requests, in the order given', async () => {
  const payers = await Promise.all([11n, 22n, 33n].map((amount) => setup.payer({ amount })));
  await setup.anvil.mine(2);
  const nobody = sandboxKeys.evm.stranger.address;
  const owners = Array.from({ length: 500 }, (_, index) => payers[index % 4]?.address ?? nobody);
  const before = setup.proxy.calls();
  const found = await evm.chain.balancesAtFinalized(owners.map((owner) => ({ asset, owner })));
  expect(setup.proxy.calls() - before).toBe(4);
  expect(found.map(({ balance }) => balance)).toEqual(owners.map((_, index) => [11n, 22n, 33n, 0n][index % 4]));
});

test('a token without a contract is held by nobody, and one that does not answer is unknown', async () => {
  const { address } = await setup.payer({ amount: 5n });
  const silent = '0x00000000000000000000000000000000000000Bb';
  await setup.anvil.rpc('anvil_setCode', [silent, '0x60006000fd']);
  await setup.anvil.mine(3);
  const tokens = [missing.token, BASE_SEPOLIA_USDC, silent];
  const found = await evm.chain.balancesAtFinalized(
    tokens.map((token) => ({ asset: { network: baseSepolia, token }, owner: address })),
  );
  expect(found.map(({ balance }) => balance)).toEqual([0n, 5n, undefined]);
});

test('a node that does not run the program is asked one by one, at the same block', async () => {
  const { address } = await setup.payer({ amount: 9n });
  await setup.anvil.mine(2);
  const refuse = (params: unknown) => !('to' in (params as [object])[0]);
  setup.proxy.use(({ method, params }) =>
    method === 'eth_call' && refuse(params) ? { kind: 'error', code: -32602, message: 'missing to' } : undefined,
  );
  const holders = [address, sandboxKeys.evm.stranger.address].map((owner) => ({ asset, owner }));
  const blockNumber = await finalNumber();
  expect(await evm.chain.balancesAtFinalized(holders)).toEqual([
    { balance: 9n, blockNumber },
    { balance: 0n, blockNumber },
  ]);
});

test('a node that does not answer is a fault, and no balance', async () => {
  setup.proxy.use(faultOn('eth_call', { kind: 'drop' }));
  const found = evm.chain.balancesAtFinalized([{ asset, owner: sandboxKeys.evm.stranger.address }]);
  await expect(found).rejects.toMatchObject({ code: 'CHAIN_RPC_UNAVAILABLE' });
});

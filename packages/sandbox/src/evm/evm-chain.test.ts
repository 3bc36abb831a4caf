import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { decodeFunctionResult, encodeFunctionData } from 'viem';
import type { Hex } from 'viem';
import { sandboxKeys } from '../demo/sandbox-keys.js';
import { contractCode, multicall3Abi, testUsdcAbi } from './contract-artifacts.js';
import { BASE_SEPOLIA_USDC, MULTICALL3_ADDRESS, startEvmChain } from './evm-chain.js';
import type { EvmChain } from './evm-chain.js';
import { eventually } from '../../../../test/support/eventually.js';

const buyer = sandboxKeys.evm.buyer.address;
const folder = mkdtempSync(join(tmpdir(), 'tollkeeper-evm-chain-'));
const running: EvmChain[] = [];

async function start(options: Parameters<typeof startEvmChain>[0] = {}): Promise<EvmChain> {
  const chain = await startEvmChain(options);
  running.push(chain);
  return chain;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The number of the newest block that a state file holds. */
function headOf(stateFile: string): number {
  const { block } = JSON.parse(readFileSync(stateFile, 'utf8')) as { block: { number: string } };
  return Number(block.number);
}

/** The number of the newest block with a transaction. */
async function lastUsed(chain: EvmChain): Promise<number> {
  for (let number = Number(await chain.rpc('eth_blockNumber')); ; number -= 1) {
    const block = await chain.rpc('eth_getBlockByNumber', [`0x${number.toString(16)}`, false]);
    if ((block as { transactions: readonly unknown[] }).transactions.length > 0) return number;
  }
}

afterAll(async () => {
  await Promise.all(running.map((chain) => chain.stop()));
  rmSync(folder, { recursive: true, force: true });
});

describe('a local EVM chain', () => {
  let chain: EvmChain;
  beforeAll(async () => {
    chain = await start();
  });

  test('answers as Base Sepolia with Multicall3 and USDC in their places', async () => {
    expect(chain.chainId).toBe(84_532);
    expect(chain.network).toBe('eip155:84532');
    expect(await chain.rpc('eth_chainId')).toBe('0x14a34');
    expect(await chain.rpc('eth_getCode', [BASE_SEPOLIA_USDC, 'latest'])).toBe(contractCode.testUsdc);
    const getChainId = encodeFunctionData({ abi: multicall3Abi, functionName: 'getChainId' });
    const answer = await chain.rpc('eth_call', [{ to: MULTICALL3_ADDRESS, data: getChainId }, 'latest']);
    expect(BigInt(answer as Hex)).toBe(84_532n);
  });

  test('funds accounts in ether and in tokens', async () => {
    const address = '0x1111111111111111111111111111111111111111';
    await chain.fundEth(address, 7n);
    await Promise.all([1n, 2n, 3n].map((amount) => chain.mint({ token: BASE_SEPOLIA_USDC, to: address, amount })));
    expect(await chain.rpc('eth_getBalance', [address, 'latest'])).toBe('0x7');
    expect(await chain.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: address })).toBe(6n);
  });

  test('calls a block final two blocks later', async () => {
    await chain.mine(3);
    const head = (await chain.rpc('eth_getBlockByNumber', ['latest', false])) as { number: Hex };
    const final = (await chain.rpc('eth_getBlockByNumber', ['finalized', false])) as { number: Hex };
    expect(BigInt(head.number) - BigInt(final.number)).toBe(2n);
  });

  test('a batch may fail in one leg and keep the others', async () => {
    const [target, allowFailure] = [BASE_SEPOLIA_USDC, true];
    const legs = [
      { target, allowFailure, callData: encodeFunctionData({ abi: testUsdcAbi, functionName: 'pause' }) },
      { target, allowFailure, callData: encodeFunctionData({ abi: testUsdcAbi, functionName: 'decimals' }) },
    ];
    const data = encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args: [legs] });
    const answer = (await chain.rpc('eth_call', [{ to: MULTICALL3_ADDRESS, data }, 'latest'])) as Hex;
    const results = decodeFunctionResult({ abi: multicall3Abi, functionName: 'aggregate3', data: answer });
    expect(results.map((result) => result.success)).toEqual([false, true]);
    expect(BigInt(results[1]?.returnData ?? '0x0')).toBe(6n);
  });

  test('says in one line that the port is taken', async () => {
    await expect(startEvmChain({ port: chain.port })).rejects.toThrow(
      /^Port \d+ on 127.0.0.1 is taken; stop what uses it or choose another port for the EVM chain$/,
    );
  });
});

test('mines on a timer when asked to', async () => {
  const chain = await start({ blockTimeSeconds: 1, gasLimit: 123_000_000n, baseFeePerGas: 5_000_000n });
  const before = Number(await chain.rpc('eth_blockNumber'));
  await eventually(async () => expect(Number(await chain.rpc('eth_blockNumber'))).toBeGreaterThan(before));
  const block = (await chain.rpc('eth_getBlockByNumber', ['latest', false])) as { gasLimit: Hex };
  expect(BigInt(block.gasLimit)).toBe(123_000_000n);
});

test('keeps the chain through a graceful stop and through SIGKILL', async () => {
  const stateFile = join(folder, 'kept.json');
  const first = await startEvmChain({ stateFile });
  const genesis = (await first.rpc('eth_getBlockByNumber', ['0x0', false])) as { hash: Hex };
  await first.mint({ token: BASE_SEPOLIA_USDC, to: buyer, amount: 5n });
  await first.stop();
  expect(await first.exited).toMatchObject({ expected: true });

  const second = await startEvmChain({ stateFile });
  expect(await second.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: buyer })).toBe(5n);
  await second.mint({ token: BASE_SEPOLIA_USDC, to: buyer, amount: 2n });
  const head = await second.rpc('eth_blockNumber');
  // Half a file, which a kill may leave, gives way to the last whole one.
  await eventually(() => {
    for (const file of [stateFile, `${stateFile}.previous`]) expect(headOf(file)).toBe(Number(head));
  });
  process.kill(second.pid, 'SIGKILL');
  expect(await second.exited).toMatchObject({ expected: false, reason: 'SIGKILL' });
  await expect(second.rpc('eth_chainId')).rejects.toThrow('anvil has ended (SIGKILL)');

  const third = await start({ stateFile });
  expect(await third.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: buyer })).toBe(7n);
  expect(await third.rpc('eth_blockNumber')).toBe(head);
  expect(await third.rpc('eth_getBlockByNumber', ['0x0', false])).toMatchObject({ hash: genesis.hash });
  const before = Date.now() / 1000;
  await third.mine();
  const block = (await third.rpc('eth_getBlockByNumber', ['latest', false])) as { timestamp: Hex };
  expect(Number(block.timestamp)).toBeGreaterThan(before - 5);
  expect(Number(block.timestamp)).toBeLessThan(Date.now() / 1000 + 5);
});

test('keeps its genesis through many restarts', async () => {
  const stateFile = join(folder, 'restarted.json');
  const hashes: string[] = [];
  for (let start = 0; start < 6; start += 1) {
    const chain = await startEvmChain({ stateFile });
    hashes.push(((await chain.rpc('eth_getBlockByNumber', ['0x0', false])) as { hash: Hex }).hash);
    await chain.stop();
    await sleep(500);
  }
  expect(new Set(hashes).size).toBe(1);
});

test('mines until the last transaction is final, and no further', async () => {
  const chain = await start({ mineWhenIdle: true });
  await chain.fundEth(buyer, 1n);
  const used = await lastUsed(chain);
  await eventually(async () => expect(Number(await chain.rpc('eth_blockNumber'))).toBe(used + 2));
  await sleep(2_500);
  expect(Number(await chain.rpc('eth_blockNumber'))).toBe(used + 2);
  const final = (await chain.rpc('eth_getBlockByNumber', ['finalized', false])) as { number: Hex };
  expect(Number(final.number)).toBe(used);
});

test('a state file that a kill has torn is replaced by the last complete copy', async () => {
  const stateFile = join(folder, 'torn.json');
  const first = await startEvmChain({ stateFile });
  await first.mint({ token: BASE_SEPOLIA_USDC, to: buyer, amount: 5n });
  await first.stop();
  const second = await startEvmChain({ stateFile });
  await eventually(() => expect(existsSync(`${stateFile}.previous`)).toBe(true));
  await second.stop();
  truncateSync(stateFile, 2_000);

  const third = await start({ stateFile });
  expect(await third.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: buyer })).toBe(5n);
});

test('a torn state file without a copy is refused with what to do', async () => {
  const stateFile = join(folder, 'hopeless.json');
  writeFileSync(stateFile, '{"block":');
  await expect(startEvmChain({ stateFile })).rejects.toThrow('is damaged; delete it to start the EVM chain anew');
});

test('what anvil writes to disk is bounded and goes with it', async () => {
  const temporary = join(folder, 'temporary');
  mkdirSync(temporary);
  vi.stubEnv('TMPDIR', temporary);
  const chain = await startEvmChain().finally(() => vi.unstubAllEnvs());
  for (let batch = 0; batch < 8; batch += 1) await chain.mine(250);
  const [states = ''] = readdirSync(temporary);
  const written = readdirSync(join(temporary, states), { recursive: true });
  expect(written.length).toBeGreaterThan(900);
  expect(written.length).toBeLessThan(1_100);
  await chain.stop();
  expect(readdirSync(temporary)).toEqual([]);
});

test('anvil ends with a parent that is killed, and leaves nothing behind', async () => {
  const script = join(folder, 'parent.mts');
  const module = new URL('./evm-chain.ts', import.meta.url).href;
  writeFileSync(
    script,
    `const { startEvmChain } = await import(${JSON.stringify(module)});
     const chain = await startEvmChain();
     console.log(chain.pid);`,
  );
  const tsx = import.meta.resolve('tsx');
  const temporary = join(folder, 'of the killed');
  mkdirSync(temporary);
  const parent = spawn(process.execPath, ['--import', tsx, '--conditions', '@tollkeeper/source', script], {
    env: { ...process.env, TMPDIR: temporary },
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  expect(isAlive(pid)).toBe(true);
  await sleep(300);
  parent.kill('SIGKILL');
  const ownFolders = () => readdirSync(temporary).filter((name) => name.startsWith('tollkeeper-anvil-'));
  for (let wait = 0; wait < 400 && (isAlive(pid) || ownFolders().length > 0); wait += 1) await sleep(50);
  expect(isAlive(pid)).toBe(false);
  expect(ownFolders()).toEqual([]);
});

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SettleAnswer } from '@tollkeeper/protocol';
import {
  BASE_SEPOLIA_USDC,
  createRpcGate,
  type EvmChain,
  faultOn,
  type RpcProxy,
  startRpcProxy,
} from '@tollkeeper/sandbox';
import type { Address } from 'viem';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { evmVariables, startFundedEvm } from '../support/test-facilitator.js';
import { evmRequest, settle } from '../support/wire.js';
import {
  killFacilitatorProcesses,
  runTollkeeper,
  startFacilitatorProcess,
  tollkeeper,
  type FacilitatorProcess,
} from './facilitator-process.js';

/** The command as operators run it, on its embedded database; each test goes on with what the one before left in the folder. */
const timeoutMs = 120_000;

let evm: EvmChain;
let proxy: RpcProxy;
let dataDir: string;
let env: Readonly<Record<string, string>>;
let wallet: { readonly id: string; readonly addresses: readonly { readonly address: Address }[] };

beforeAll(async () => {
  evm = await startFundedEvm();
  proxy = await startRpcProxy({ target: evm.url });
  dataDir = await mkdtemp(join(tmpdir(), 'tollkeeper-process-'));
  env = { ENVIRONMENT: 'development', PORT: '0', DATA_DIR: dataDir, ...evmVariables(proxy.url) };
  wallet = (await runTollkeeper(['wallets', 'create', '--merchant', 'test', '--name', 'main'], env)) as typeof wallet;
});
afterEach(async () => {
  proxy.reset();
  await killFacilitatorProcesses();
});
afterAll(async () => {
  if (isAlive(databaseProcess())) process.kill(databaseProcess(), 'SIGINT');
  await proxy.stop();
  await evm.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test(
  'SIGTERM lets the request under way finish, stops the database and ends with code 0',
  { timeout: timeoutMs },
  async () => {
    const facilitator = await serve();
    const database = databaseProcess();
    const gate = createRpcGate();
    proxy.use(faultOn('eth_getTransactionReceipt', { kind: 'hold', gate }));
    const underWay = settle(facilitator.url, await evmRequest({ payTo: payTo() }));
    await expect.poll(gate.waiting, { timeout: 60_000 }).toBeGreaterThan(0);

    facilitator.kill('SIGTERM');
    await expect.poll(() => takesRequests(facilitator), { timeout: 60_000 }).toBe(false);
    expect(isAlive(database)).toBe(true);
    gate.open();
    expect(await underWay).toMatchObject({ status: 200, body: { success: true } });
    expect(await facilitator.exited).toEqual({ code: 0, signal: null });
    expect(isAlive(database)).toBe(false);
    await expectWalletToHold(10_000n);
  },
);

test('SIGINT of an idle facilitator stops the database and ends with code 0', { timeout: timeoutMs }, async () => {
  const facilitator = await serve();
  const database = databaseProcess();
  facilitator.kill('SIGINT');
  expect(await facilitator.exited).toEqual({ code: 0, signal: null });
  expect(isAlive(database)).toBe(false);
});

test(
  'after SIGKILL, the next start takes the left-behind database over with everything in it',
  { timeout: timeoutMs },
  async () => {
    const killed = await serve();
    const orphan = databaseProcess();
    const request = await evmRequest({ payTo: payTo() });
    const first = await settle(killed.url, request);
    expect(first.body).toMatchObject({ success: true });
    await expect.poll(() => isDelivered(killed, first.body), { timeout: 60_000 }).toBe(true);
    killed.kill('SIGKILL');
    expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(isAlive(orphan)).toBe(true);

    const facilitator = await serve();
    expect(isAlive(orphan)).toBe(false);
    const again = await settle(facilitator.url, request);
    expect(again.body).toMatchObject({
      errorReason: 'duplicate_settlement',
      transaction: first.body.transaction,
    });
    expect((await settle(facilitator.url, await evmRequest({ payTo: payTo() }))).body).toMatchObject({ success: true });
    await expectWalletToHold(30_000n);
    facilitator.kill('SIGTERM');
    expect(await facilitator.exited).toEqual({ code: 0, signal: null });
    await expectWalletToHold(30_000n);
  },
);

function serve(): Promise<FacilitatorProcess> {
  return startFacilitatorProcess({ program: tollkeeper, args: ['serve'], env });
}

function payTo(): Address {
  return wallet.addresses[0]?.address ?? expect.fail('the wallet has no address');
}

/** In the ledger, as the command shows it, and on the chain. */
async function expectWalletToHold(minorUnits: bigint): Promise<void> {
  const lines = (await runTollkeeper(['wallets', 'balance', wallet.id], env)) as {
    pending: string;
    available: string;
  }[];
  expect(lines.map(({ pending, available }) => BigInt(pending) + BigInt(available))).toEqual([minorUnits]);
  expect(await evm.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: payTo() })).toBe(minorUnits);
}

async function takesRequests(facilitator: FacilitatorProcess): Promise<boolean> {
  try {
    return (await fetch(`${facilitator.url}/health`)).ok;
  } catch {
    return false;
  }
}

/** Whether the facilitator has noted that the success reached its caller; killed before that, it would offer it once more. */
async function isDelivered({ url }: FacilitatorProcess, answer: SettleAnswer): Promise<boolean> {
  const response = await fetch(`${url}/payments/${String(answer.extra?.['paymentId'])}`);
  const { answerDeliveredAt } = (await response.json()) as { answerDeliveredAt: string | null };
  return answerDeliveredAt !== null;
}

/** The process id of the embedded database, from the first line of the file that PostgreSQL keeps about itself; 0: none runs. */
function databaseProcess(): number {
  const file = join(dataDir, 'postgres', 'postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
}

/** A process that has ended and whose parent has not asked how is not alive, although it is still listed. */
function isAlive(pid: number): boolean {
  if (pid === 0) return false;
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', pid.toString()], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

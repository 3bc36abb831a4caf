import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@tollkeeper/database';
import { createTestDatabase } from '@tollkeeper/database/testing';
import { composeWallets, createLogger } from '@tollkeeper/facilitator';
import {
  BASE_SEPOLIA_USDC,
  startRpcProxy,
  type EvmChainOptions,
  type RpcProxy,
  type SolanaChainOptions,
} from '@tollkeeper/sandbox';
import { expect } from 'vitest';
import { pad, toEventSelector, type Address, type Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { startFacilitatorProcess, tollkeeper, type FacilitatorProcess } from '../crash/facilitator-process.js';
import { findBookProblems } from '../support/books.js';
import { configOf, evmVariables, startFundedEvm, startFundedSvm, svmVariables } from '../support/test-facilitator.js';

/** Several facilitator processes on one database, one EVM chain, one list of lanes, and one Solana chain if there is to be one. */
export type FleetScene = Awaited<ReturnType<typeof createFleetScene>>;

export async function createFleetScene(options: {
  readonly lanes: number;
  readonly chain?: EvmChainOptions;
  readonly svm?: SolanaChainOptions;
  /** An empty database of the test's own, in place of a copy of the template. */
  readonly databaseUrl?: string;
}) {
  const [evm, svm, testDatabase, dataDir] = await Promise.all([
    startFundedEvm(options.chain),
    options.svm && startFundedSvm(options.svm),
    options.databaseUrl === undefined ? createTestDatabase() : undefined,
    mkdtemp(join(tmpdir(), 'tollkeeper-fleet-')),
  ]);
  const databaseUrl = testDatabase?.url ?? options.databaseUrl ?? '';
  const keys = Array.from({ length: options.lanes }, generatePrivateKey);
  const signers = keys.map((key) => privateKeyToAddress(key));
  // Enough for hours at any price.
  for (const signer of signers) await evm.fundEth(signer, 10n ** 21n);
  const own = { ENVIRONMENT: 'development', PORT: '0', DATA_DIR: dataDir, DATABASE_URL: databaseUrl };
  const onSolana = svm === undefined ? {} : svmVariables(svm.url);
  const env = { ...own, ...evmVariables(evm.url), EVM_PRIVATE_KEY: keys.join(','), ...onSolana };
  const addresses = await createDepositAddresses();
  const payTo = addressOn('eip155:') as Address;
  const database = testDatabase?.database ?? (await openDatabase({ url: databaseUrl, onWarning: () => undefined }));
  const proxies: RpcProxy[] = [];

  async function createDepositAddresses() {
    const custody = await composeWallets(configOf(env), createLogger({ level: 'silent' }));
    const wallet = await custody.wallets.create({ merchant: 'test', name: 'main' });
    await custody.close();
    return wallet.addresses;
  }

  function addressOn(family: 'eip155:' | 'solana:'): string {
    const found = addresses.find(({ network }) => network.startsWith(family));
    return found?.address ?? expect.fail('the wallet has no address');
  }

  return {
    evm,
    /** The Solana chain and the wallet's address there. */
    solana: svm && { chain: svm, payTo: addressOn('solana:') },
    database,
    signers,
    payTo,
    env,

    /** Starts a process; `changes` bend its variables, where an empty text takes one away. */
    startProcess: (changes: Readonly<Record<string, string>> = {}, logFile?: string): Promise<FacilitatorProcess> =>
      startFacilitatorProcess({
        program: tollkeeper,
        args: ['serve'],
        env: { ...env, ...changes },
        ...(logFile === undefined ? {} : { logFile }),
      }),

    /** An endpoint for one process that misbehaves on demand. */
    async startProxy(target = evm.url): Promise<RpcProxy> {
      const proxy = await startRpcProxy({ target });
      proxies.push(proxy);
      return proxy;
    },

    /** The hashes of the transfers to the wallet, or to another address, one for each transfer. */
    async transfers(to: Address = payTo): Promise<readonly string[]> {
      const topics = [transferEvent, null, pad(to)];
      const found = (await evm.rpc('eth_getLogs', [{ fromBlock: '0x0', address: BASE_SEPOLIA_USDC, topics }])) as Log[];
      // After a reorg anvil also finds what stood in a block that is gone; a receipt it gives of the chain's own block only.
      const transactions = [...new Set(found.map(({ transactionHash }) => transactionHash))];
      const arrived: string[] = [];
      for (const transaction of transactions) {
        const receipt = (await evm.rpc('eth_getTransactionReceipt', [transaction])) as { logs: Log[] } | null;
        const isArrival = ({ topics: [event, , recipient] }: Log) =>
          event === transferEvent && recipient === pad(to).toLowerCase();
        arrived.push(...(receipt?.logs ?? []).filter(isArrival).map(() => transaction));
      }
      return arrived;
    },

    /** Everything that is not as it should be once all is over, in words. */
    async problems(): Promise<readonly string[]> {
      const problems = [...(await findBookProblems({ database, evm, svm }))];
      const open = await database.sql<{ id: string; state: string }>`
        SELECT id, state FROM payment WHERE state NOT IN ('settled', 'failed') OR retry_alone`;
      for (const { id, state } of open) problems.push(`payment ${id} is ${state}`);
      const twice = await database.sql<{ id: string }>`
        SELECT payment_id AS id FROM effect GROUP BY payment_id HAVING count(*) > 1`;
      for (const { id } of twice) problems.push(`payment ${id} has two effects`);
      for (const signer of signers) problems.push(...(await gapsOf(signer)));
      return problems;
    },

    async stop(): Promise<void> {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await Promise.all([evm.stop(), svm?.stop()]);
      await (testDatabase?.drop() ?? database.close());
      await rm(dataDir, { recursive: true, force: true });
    },
  };

  /** Every place in the order of a signer is signed for, and used on chain. */
  async function gapsOf(signer: Hex): Promise<readonly string[]> {
    const [row] = await database.sql<{ places: bigint; last: bigint | null }>`
      SELECT count(DISTINCT account_nonce) AS places, max(account_nonce) AS last FROM chain_transaction
      WHERE lower(signer) = lower(${signer})`;
    const places = row?.places ?? 0n;
    const mined = BigInt(String(await evm.rpc('eth_getTransactionCount', [signer, 'latest'])));
    const isContiguous = places === (row?.last ?? -1n) + 1n && mined === places;
    return isContiguous ? [] : [`${signer}: ${places} places up to ${row?.last ?? '-'}, ${mined} mined`];
  }
}

interface Log {
  readonly transactionHash: string;
  readonly topics: readonly string[];
}

const transferEvent = toEventSelector('Transfer(address,address,uint256)');

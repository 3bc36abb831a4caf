import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@tollkeeper/database';
import { createTestDatabase } from '@tollkeeper/database/testing';
import { composeWallets, createLogger } from '@tollkeeper/facilitator';
import { startRpcProxy, type EvmChainOptions, type RpcProxy, type SolanaChainOptions } from '@tollkeeper/sandbox';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { startFacilitatorProcess, tollkeeper, type FacilitatorProcess } from '../crash/facilitator-process.js';
import { findBookProblems } from '../support/books.js';
import { evmTransfersTo } from '../support/evm-transfers.js';
import { configOf, evmVariables, startFundedEvm, startFundedSvm, svmVariables } from '../support/test-facilitator.js';
import type { Transfer } from '../support/transfer.js';

/** Several facilitator processes on one database, one EVM chain, one list of lanes, and one Solana chain if there is to be one. */
export type FleetScene = Awaited<ReturnType<typeof createFleetScene>>;

/** A merchant's wallet and its addresses; the one on Solana is empty where there is no such chain. */
export interface FleetWallet {
  readonly id: string;
  readonly evm: Address;
  readonly solana: string;
}

export async function createFleetScene(options: {
  readonly lanes: number;
  /** How many wallets there are to pay to; one by default. */
  readonly wallets?: number;
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
  const wallets = await createWallets();
  const [{ evm: payTo }] = wallets;
  const database = testDatabase?.database ?? (await openDatabase({ url: databaseUrl, onWarning: () => undefined }));
  const proxies: RpcProxy[] = [];

  async function createWallets(): Promise<readonly [FleetWallet, ...FleetWallet[]]> {
    const custody = await composeWallets(configOf(env), createLogger({ level: 'silent' }));
    const create = async (name: string): Promise<FleetWallet> => {
      const { id, addresses: all } = await custody.wallets.create({ merchant: 'test', name });
      const on = (family: string) => all.find(({ network }) => network.startsWith(family))?.address ?? '';
      return { id, evm: on('eip155:') as Address, solana: on('solana:') };
    };
    const created: [FleetWallet] = [await create('main')];
    for (let number = 2; number <= (options.wallets ?? 1); number += 1) created.push(await create(`wallet-${number}`));
    await custody.close();
    return created;
  }

  return {
    evm,
    svm,
    database,
    signers,
    /** All wallets, and the address of the first one. */
    wallets,
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

    /** The transfers to the wallet. */
    transfers: (): Promise<readonly Transfer[]> => evmTransfersTo(evm, [payTo]),

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

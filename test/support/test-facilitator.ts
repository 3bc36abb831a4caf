import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import {
  composeService,
  composeWallets,
  createLogger,
  describeProblems,
  readConfig,
  type Config,
  type Overrides,
} from '@tollkeeper/facilitator';
import { solanaDevnet } from '@tollkeeper/protocol';
import {
  BASE_SEPOLIA_USDC,
  sandboxKeys,
  startEvmChain,
  startRpcProxy,
  startSolanaChain,
  type EvmChain,
  type EvmChainOptions,
  type RpcProxy,
  type SolanaChain,
  type SolanaChainOptions,
} from '@tollkeeper/sandbox';
import { findBookProblems } from './books.js';

export const evmNetwork = 'eip155:84532';
export const devnetUsdc = '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU';

/** What a test may choose. Everything has a default that behaves like `npm start`. */
export interface TestFacilitatorOptions {
  readonly evm?: EvmChainOptions | false;
  readonly svm?: SolanaChainOptions | false;
  /** Variables of the facilitator that differ. The URLs are those of the RPC proxies. */
  readonly env?: (urls: { readonly evmRpc: string; readonly svmRpc: string }) => Record<string, string>;
  readonly overrides?: Overrides;
  /** Takes the facilitator's log; it is dropped by default. */
  readonly log?: NodeJS.WritableStream;
}

/** A facilitator on real chains and a real database, in this process, with a merchant's wallet. */
export interface TestFacilitator {
  /** Where it listens; another port after a restart. */
  url(): string;
  readonly evm: EvmChain;
  readonly svm: SolanaChain;
  /** What stands between the facilitator and each chain: it counts calls, and misbehaves on demand. */
  readonly evmRpc: RpcProxy;
  readonly svmRpc: RpcProxy;
  readonly database: TestDatabase;
  readonly wallet: { readonly id: string; readonly evm: string; readonly svm: string };
  readonly config: Config;
  /** Stops the facilitator and starts another one on the same database and chains. */
  restart(overrides?: Overrides): Promise<void>;
  /** Everything that is wrong with the books now: unbalanced assets, balances that differ from transfers or chains. */
  bookProblems(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export async function startTestFacilitator(options: TestFacilitatorOptions = {}): Promise<TestFacilitator> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tollkeeper-test-'));
  const [database, evm, svm] = await Promise.all([
    createTestDatabase(),
    options.evm === false ? undefined : startFundedEvm(options.evm),
    options.svm === false ? undefined : startFundedSvm(options.svm),
  ]);
  const [evmRpc, svmRpc] = await Promise.all([startRpcProxyOf(evm), startRpcProxyOf(svm)]);
  const urls = { evmRpc: evmRpc?.url ?? '', svmRpc: svmRpc?.url ?? '' };
  const config = configOf({
    ENVIRONMENT: 'development',
    PORT: '0',
    DATA_DIR: dataDir,
    DATABASE_URL: database.url,
    ...(evm === undefined ? {} : evmVariables(urls.evmRpc)),
    ...(svm === undefined ? {} : svmVariables(urls.svmRpc)),
    ...options.env?.(urls),
  });
  const log = createLogger({
    level: options.log === undefined ? 'silent' : 'debug',
    destination: options.log ?? process.stderr,
  });
  const wallet = await createWallet(config, log);
  let service = await listen(options.overrides);

  async function listen(overrides?: Overrides) {
    const composed = await composeService(config, log, overrides);
    return { ...composed, url: await composed.app.listen({ host: '127.0.0.1', port: 0 }) };
  }

  return {
    url: () => service.url,
    evm: evm ?? missing('EVM'),
    svm: svm ?? missing('Solana'),
    evmRpc: evmRpc ?? missing('EVM'),
    svmRpc: svmRpc ?? missing('Solana'),
    database,
    wallet,
    config,
    async restart(overrides) {
      await service.close();
      service = await listen(overrides);
    },
    bookProblems: () => findBookProblems({ database: database.database, evm, svm }),
    async stop() {
      await service.close();
      await Promise.all([evmRpc?.stop(), svmRpc?.stop()]);
      await Promise.all([evm?.stop(), svm?.stop(), database.drop()]);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Reads a configuration that a test knows to be right. */
export function configOf(env: Record<string, string>): Config {
  const result = readConfig(env);
  if (!result.ok) throw new Error(describeProblems(result.problems));
  return result.config;
}

export function evmVariables(rpcUrl: string): Record<string, string> {
  return { EVM_NETWORK: evmNetwork, EVM_RPC_URL: rpcUrl, EVM_PRIVATE_KEY: sandboxKeys.evm.facilitator.privateKey };
}

export function svmVariables(rpcUrl: string): Record<string, string> {
  const { privateKeyBase58 } = sandboxKeys.svm.facilitator;
  return { SVM_NETWORK: solanaDevnet, SVM_RPC_URL: rpcUrl, SVM_PRIVATE_KEY: privateKeyBase58 };
}

/** An EVM chain whose buyers hold 1,000 USDC each. */
export async function startFundedEvm(options?: EvmChainOptions): Promise<EvmChain> {
  const chain = await startEvmChain(options);
  for (const { address } of [sandboxKeys.evm.buyer, sandboxKeys.evm.buyer2]) {
    await chain.mint({ token: BASE_SEPOLIA_USDC, to: address, amount: 1_000_000_000n });
  }
  return chain;
}

/** A Solana chain whose buyers hold 1,000 USDC each, and whose fee payer can pay fees. Slots are quick. */
export async function startFundedSvm(options?: SolanaChainOptions): Promise<SolanaChain> {
  const chain = await startSolanaChain({ slotMs: 100, ...options });
  chain.createToken({ mint: devnetUsdc, decimals: 6, program: 'token' });
  chain.fundSol(sandboxKeys.svm.facilitator.address, 10_000_000_000n);
  for (const { address } of [sandboxKeys.svm.buyer, sandboxKeys.svm.buyer2]) {
    chain.fundToken({ mint: devnetUsdc, owner: address, amount: 1_000_000_000n });
  }
  return chain;
}

async function startRpcProxyOf(chain: { readonly url: string } | undefined): Promise<RpcProxy | undefined> {
  return chain && startRpcProxy({ target: chain.url });
}

async function createWallet(config: Config, log: Parameters<typeof composeWallets>[1]) {
  const custody = await composeWallets(config, log);
  const wallet = await custody.wallets.create({ merchant: 'test', name: 'main' });
  await custody.close();
  const on = (family: string) => wallet.addresses.find(({ network }) => network.startsWith(family))?.address ?? '';
  return { id: wallet.id, evm: on('eip155:'), svm: on('solana:') };
}

function missing(chain: string): never {
  return new Proxy(
    {},
    {
      get: () => {
        throw new Error(`This test runs without the ${chain} chain`);
      },
    },
  ) as never;
}

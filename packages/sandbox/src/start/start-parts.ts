import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@tollkeeper/database';
import { solanaDevnet } from '@tollkeeper/protocol';
import { startDemoMerchant, type DemoMerchant } from '../demo/demo-merchant.js';
import type { EvmChain } from '../evm/index.js';
import type { SandboxConfig } from '../sandbox-config.js';
import type { SolanaChain } from '../solana/index.js';
import { addressOn, openDemoWallet, type DemoWallet } from './demo-wallet.js';
import { facilitatorEnvironment } from './environment.js';
import { startLocalEvm, startLocalSvm } from './local-chains.js';
import { requireFreePorts } from './ports.js';
import type { Progress } from './progress.js';
import { startFacilitator } from './tollkeeper-process.js';

/** Everything that runs, and what it takes to buy something there. */
export interface RunningParts {
  readonly evm: EvmChain;
  readonly svm: SolanaChain;
  readonly wallet: DemoWallet;
  readonly merchant: DemoMerchant;
  /** The environment of the facilitator, for the `tollkeeper` command. */
  readonly env: Readonly<Record<string, string>>;
  /** Resolves with the name of a part that ended by itself. */
  readonly broken: Promise<string>;
}

/** Takes what stops a part; the parts are stopped in the opposite order of their start. */
export type OnStop = (stop: () => Promise<void>) => void;

export const evmNetwork = 'eip155:84532';
export const evmPath = '/evm/weather';
export const svmPath = '/svm/weather';

/** Starts the database, the chains, the facilitator and the merchant, one after the other. */
export async function startParts(
  config: SandboxConfig,
  { progress, onStop }: { readonly progress: Progress; readonly onStop: OnStop },
): Promise<RunningParts> {
  await requireFreePorts(config);
  await mkdir(config.dataDir, { recursive: true });
  const postgres = await progress.step('PostgreSQL (embedded)', () =>
    startEmbeddedPostgres({ dataDir: config.dataDir, onWarning: () => undefined }),
  );
  onStop(postgres.stop);
  const evm = await progress.step('EVM chain (anvil), test USDC, Multicall3', () => startLocalEvm(config));
  onStop(() => evm.stop());
  const svm = await progress.step('Solana chain (LiteSVM), test USDC', () => startLocalSvm(config));
  onStop(() => svm.stop());

  const env = facilitatorEnvironment(config, { database: postgres.ownerUrl, evmRpc: evm.url, svmRpc: svm.url });
  const facilitator = await progress.step('facilitator (migrates its database)', () =>
    startFacilitator({ env, logFile: join(config.dataDir, 'facilitator.log') }),
  );
  onStop(() => facilitator.stop());
  const wallet = await progress.step('demo merchant’s wallet', () => openDemoWallet(env));
  const merchant = await progress.step('demo merchant (stock @x402/express)', () => startMerchant(config, wallet));
  onStop(() => merchant.stop());
  const broken = Promise.race([
    facilitator.exited.then(() => 'the facilitator'),
    evm.exited.then(() => 'the EVM chain'),
  ]);
  return { evm, svm, wallet, merchant, env, broken };
}

function startMerchant(config: SandboxConfig, wallet: DemoWallet): Promise<DemoMerchant> {
  return startDemoMerchant({
    port: config.merchantPort,
    facilitatorUrl: `http://127.0.0.1:${config.facilitatorPort}`,
    routes: {
      [evmPath]: { network: evmNetwork, payTo: addressOn(wallet, evmNetwork) },
      [svmPath]: { network: solanaDevnet as `solana:${string}`, payTo: addressOn(wallet, solanaDevnet) },
    },
  });
}

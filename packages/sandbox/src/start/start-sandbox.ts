import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@tollkeeper/database';
import { solanaDevnet } from '@tollkeeper/protocol';
import { sandboxKeys } from '../demo/sandbox-keys.js';
import { startDemoMerchant } from '../demo/demo-merchant.js';
import { payOnce, type StockBuyerOptions } from '../demo/stock-buyer.js';
import { BASE_SEPOLIA_USDC } from '../evm/index.js';
import type { SandboxConfig } from '../sandbox-config.js';
import { checkPayment, type PaymentCheck } from './demo-payment.js';
import { addressOn, openDemoWallet, readBalances, type WalletBalance } from './demo-wallet.js';
import { facilitatorEnvironment } from './environment.js';
import { devnetUsdc, startLocalEvm, startLocalSvm } from './local-chains.js';
import { requireFreePorts } from './ports.js';
import type { Progress } from './progress.js';
import { describeSandbox } from './report.js';
import { startFacilitator } from './tollkeeper-process.js';

/** A running sandbox. */
export interface Sandbox {
  /** What to show the user. */
  readonly description: string;
  /** Whether every receipt, balance and account agreed. */
  readonly allAgree: boolean;
  /** Resolves when a part ended that nobody stopped. */
  readonly broken: Promise<string>;
}

/** Something that was started and must be stopped, in the opposite order. */
export type Cleanup = (stop: () => Promise<void>) => void;

const evmNetwork = 'eip155:84532';
const evmPath = '/evm/weather';
const svmPath = '/svm/weather';

/** Starts every part, pays once on each chain with stock packages, and holds the books against the chains. */
export async function startSandbox(
  config: SandboxConfig,
  parts: { progress: Progress; onStop: Cleanup },
): Promise<Sandbox> {
  const { progress, onStop } = parts;
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
  const merchant = await progress.step('demo merchant (stock @x402/express)', () =>
    startDemoMerchant({
      port: config.merchantPort,
      facilitatorUrl: `http://127.0.0.1:${config.facilitatorPort}`,
      routes: {
        [evmPath]: { network: evmNetwork, payTo: addressOn(wallet, evmNetwork) },
        [svmPath]: { network: solanaDevnet as `solana:${string}`, payTo: addressOn(wallet, solanaDevnet) },
      },
    }),
  );
  onStop(() => merchant.stop());

  const before = await readBalances(wallet, env);
  const evmBuyer = { evm: { privateKey: sandboxKeys.evm.buyer.privateKey } };
  const svmBuyer = { svm: { privateKeyBase58: sandboxKeys.svm.buyer.privateKeyBase58, rpcUrl: svm.url } };
  const buy = (path: string, buyer: StockBuyerOptions) => payOnce({ ...buyer, url: `${merchant.url}${path}` });
  const evmPaid = await progress.step('a payment on eip155:84532 (stock @x402/fetch)', () => buy(evmPath, evmBuyer));
  const svmPaid = await progress.step('a payment on Solana devnet (stock @x402/fetch)', () => buy(svmPath, svmBuyer));
  const balances = await readBalances(wallet, env);

  const books = (network: string) => ({
    network,
    ledgerBefore: pendingOn(before, network),
    ledgerAfter: pendingOn(balances, network),
  });
  const payments: PaymentCheck[] = [
    checkPayment(evmPaid, {
      ...books(evmNetwork),
      payer: sandboxKeys.evm.buyer.address,
      chainAfter: await evm.tokenBalance({
        token: BASE_SEPOLIA_USDC,
        owner: addressAsHex(addressOn(wallet, evmNetwork)),
      }),
    }),
    checkPayment(svmPaid, {
      ...books(solanaDevnet),
      payer: sandboxKeys.svm.buyer.address,
      chainAfter: svm.tokenBalance({ mint: devnetUsdc, owner: addressOn(wallet, solanaDevnet) }),
    }),
  ];
  return {
    description: describeSandbox({
      config,
      merchantUrl: merchant.url,
      paths: [evmPath, svmPath],
      wallet,
      payments,
      balances,
    }),
    allAgree: payments.every(({ problems }) => problems.length === 0),
    broken: Promise.race([facilitator.exited.then(() => 'the facilitator'), evm.exited.then(() => 'the EVM chain')]),
  };
}

function pendingOn(balances: readonly WalletBalance[], network: string): bigint {
  const found = balances.find((each) => each.network === network);
  return found === undefined ? 0n : found.pending + found.available;
}

function addressAsHex(address: string): `0x${string}` {
  return address as `0x${string}`;
}

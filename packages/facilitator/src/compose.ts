import type { Database } from '@tollkeeper/database';
import { createEvmNetwork, generateDepositKey as generateEvmKey } from '@tollkeeper/evm';
import {
  createCharges,
  createExpirySweeper,
  createHolds,
  createLedger,
  createStatementReader,
  createWalletTransfers,
  type Ledger,
} from '@tollkeeper/ledger';
import {
  knownTokensOf,
  networkFamily,
  systemClock,
  type Chain,
  type Clock,
  type EndpointStatus,
  type FaultFacts,
  type RpcObserver,
  type SchemeHandler,
} from '@tollkeeper/protocol';
import { createSvmNetwork, generateDepositKey as generateSvmKey, svmAddressOf } from '@tollkeeper/svm';
import { evmAddressOf, parseEvmPrivateKey } from '@tollkeeper/evm';
import { createApp } from './app.js';
import type { Config, NetworkConfig } from './config/config.js';
import { createPauseGate } from './controls/pause-gate.js';
import type { AddressOfKey } from './custody/key-rotation.js';
import { createExpirySweeps } from './custody/expiry-sweeps.js';
import { createKeyVault, type EncryptionKeys } from './custody/key-vault.js';
import { createDepositAccounts } from './custody/deposit-accounts.js';
import { createDepositAddresses, type CustodyNetwork } from './custody/deposit-addresses.js';
import { createDepositPreparation } from './custody/deposit-preparation.js';
import { createPayoutAddresses } from './custody/payout-addresses.js';
import { createWallets, type Wallets } from './custody/wallets.js';
import { generatedEncryptionKey } from './data-dir.js';
import type { Logger } from './logging/logger.js';
import { createMetrics } from './metrics/metrics.js';
import { createPayToPolicy } from './payment/pay-to-policy.js';
import { createProver } from './payment/proven-payment.js';
import { createSchemeRegistry } from './payment/scheme-registry.js';
import { chainChecks, createReadiness, type NamedCheck } from './readiness.js';
import { createV1Routes } from './routes/v1/v1-routes.js';
import type { CheckpointHook } from './settlement/checkpoint.js';
import { unfinalEffects } from './settlement/finality/unfinal-effects.js';
import { createPaymentReport } from './settlement/payment-report.js';
import { createSettlementEngine } from './settlement/settlement-engine.js';
import { openServiceOperations } from './service-operations.js';
import { settlementsInFlight } from './settlement/settlements-in-flight.js';
import { createWalletStatements } from './statements/wallet-statements.js';
import { openStorage, recogniseChain, type Storage } from './storage.js';
import { openMerchantAccess } from './tenancy/merchant-access.js';
import { createTenantAdministration, type TenantAdministration } from './tenancy/tenant-administration.js';
import { createVerify } from './verification/verify.js';

/** How often the chains are asked for the outcome of what is in flight. */
const observationPollMs = 200;

/** How soon what expired goes back by itself. */
const expirySweepMs = 1_000;

/**
 * How often is looked for what became final or was undone. Where finality takes seconds, so does the wait for it; elsewhere
 * this is how long a transaction that a reorg dropped waits until it is sent again.
 */
const finalityPollMs = { eip155: 3_000, solana: 1_000 };

/** What a test may replace; nothing else differs between a test and production. */
export interface Overrides {
  readonly clock?: Clock;
  readonly checkpoint?: CheckpointHook;
  readonly finalityPollMs?: number;
}

/** A configured network with the parts that settle on it. */
interface OpenNetwork extends CustodyNetwork {
  readonly endpoints: () => readonly EndpointStatus[];
  readonly schemes: readonly SchemeHandler[];
}

/** The only place that constructs real parts. Opens the database, meets the chains, and is ready to listen. */
export async function composeService(config: Config, log: Logger, overrides: Overrides = {}) {
  const clock = overrides.clock ?? systemClock;
  const metrics = createMetrics();
  const networks = openNetworks(config, { clock, onRpcCall: metrics.countRpcCall, log });
  const chains = networks.map(({ chain }) => chain);
  metrics.measureEndpoints(networks.map(({ chain, endpoints }) => ({ network: chain.network, endpoints })));
  const storage = await openStorage(config, { log, beside: false });
  try {
    return await composeOn(storage);
  } catch (error) {
    await storage.close();
    throw error;
  }

  async function composeOn({ database }: Storage) {
    for (const chain of chains) await recogniseChain(database, chain);
    const onPosted = ({ scope }: { scope: string }) => {
      metrics.countPosting(scope);
    };
    const ledger = createLedger({ database, onPosted });
    const served = chains.map(({ network }) => network);
    metrics.measureSettlements(() => settlementsInFlight(database, served));
    metrics.measureUnfinalEffects(() => unfinalEffects(database, served));
    const schemes = createSchemeRegistry(networks.flatMap((each) => each.schemes));
    const engine = createSettlementEngine({
      database,
      ledger,
      chains,
      examine: (payment) => {
        const found = schemes.find(payment);
        return 'rejection' in found ? { kind: 'refused', rejection: found.rejection } : found.handler.examine(payment);
      },
      clock,
      log,
      waitMs: config.settleWaitMs,
      queueMax: 5_000,
      signs: true,
      limits: {
        pollMs: observationPollMs,
        resendMs: 3_000,
        replaceAfterMs: 30_000,
        payerFailuresMax: 5,
        dailyBudget: () => undefined,
        signerBalanceMin: () => 0n,
      },
      events: metrics.settlement,
      finalityPollMs: (network) => overrides.finalityPollMs ?? finalityPollMs[networkFamily(network)],
      onFinalityChange: metrics.countFinalityChange,
      checkpoint: overrides.checkpoint ?? (() => undefined),
    });
    const { store } = engine;
    const access = await openMerchantAccess({ database, log, settleWaitMs: config.settleWaitMs });
    const custody = createCustody({ networks, database, ledger, keys: await encryptionKeys(config), clock });
    const preparation = createDepositPreparation({ accounts: custody.accounts, log });
    const v1Routes = createV1Routes({
      clock,
      environment: config.environment,
      transfers: createWalletTransfers({ ledger }),
      transferLifetimeSeconds: config.transferLifetimeSeconds,
      holds: createHolds({ ledger }),
      charges: createCharges({ ledger }),
      wallets: custody.wallets,
      payouts: custody.payouts,
      statements: createWalletStatements({ database, reader: createStatementReader({ database }) }),
      assets: networks.flatMap((each) => each.assets),
    });
    const sweeper = createExpirySweeper({ database, ledger });
    const sweeps = createExpirySweeps({ sweeper, log, intervalMs: expirySweepMs });
    const payToPolicy = createPayToPolicy({ environment: config.environment, database });
    const prove = createProver({ schemes, payToPolicy });
    const { reconcileIntervalSeconds } = config;
    const operations = await openServiceOperations({
      database,
      networks,
      clock,
      log,
      metrics,
      reconcileIntervalSeconds,
    });
    const app = createApp({
      log,
      metrics,
      schemes,
      stopped: operations.stopped,
      settle: (payment, abort) => engine.settle(payment, abort),
      prove: createPauseGate({ prove, controls: operations.controls, store }),
      verify: createVerify({ store }),
      report: createPaymentReport({ database, store }),
      readiness: createReadiness([databaseCheck(database), ...networks.flatMap(chainChecks)]),
      recordedSettlements: access.recordedSettlements,
      v1: { ...access, routes: v1Routes },
    });
    await engine.start();
    await operations.start();
    sweeps.start();
    preparation.start();
    return {
      app,
      /** What is served under `/v1`, as data. */
      v1Routes,
      /** Finishes requests under way, then submissions, then lets go of the database. */
      async close() {
        await app.close();
        await engine.stop();
        await operations.stop();
        await sweeps.stop();
        await preparation.stop();
        await access.close();
        await storage.close();
      },
    };
  }
}

/** Wallets without the service, for the command line. Prepares nothing on chain by itself. */
export async function composeWallets(
  config: Config,
  log: Logger,
): Promise<{ readonly wallets: Wallets; readonly close: () => Promise<void> }> {
  const networks = openNetworks(config, { clock: systemClock, onRpcCall: () => undefined, log });
  const storage = await openStorage(config, { log, beside: true });
  const { database } = storage;
  const { wallets } = createCustody({
    networks,
    database,
    ledger: createLedger({ database }),
    keys: await encryptionKeys(config),
    clock: systemClock,
  });
  return { wallets, close: () => storage.close() };
}

/** Merchants, keys and the audit without the service, for the command line. */
export async function composeTenants(
  config: Config,
  log: Logger,
): Promise<{
  readonly tenants: TenantAdministration;
  readonly database: Storage['database'];
  readonly close: () => Promise<void>;
}> {
  const storage = await openStorage(config, { log, beside: true });
  const { database } = storage;
  const tenants = createTenantAdministration({ database, clock: systemClock, environment: config.environment });
  return { tenants, database, close: () => storage.close() };
}

/** The encryption keys of the configuration, or the one of the data folder. */
export async function encryptionKeys(config: Config): Promise<EncryptionKeys> {
  return {
    current: config.walletEncryptionKey ?? (await generatedEncryptionKey(config.dataDir)),
    previous: config.walletEncryptionKeyPrevious,
    next: config.walletEncryptionKeyNext,
  };
}

/** Wallets and their addresses, on whatever networks are configured. */
function createCustody(parts: {
  readonly networks: readonly CustodyNetwork[];
  readonly database: Database;
  readonly ledger: Ledger;
  readonly keys: EncryptionKeys;
  readonly clock: Clock;
}) {
  const addresses = createDepositAddresses({
    vault: createKeyVault(parts),
    networks: parts.networks,
    generateKey: { eip155: generateEvmKey, solana: generateSvmKey },
  });
  const accounts = createDepositAccounts(parts);
  return { accounts, wallets: createWallets({ ...parts, addresses, accounts }), payouts: createPayoutAddresses(parts) };
}

/** The address that a deposit key belongs to. */
export const addressOfKey: AddressOfKey = {
  eip155(secret) {
    const key = parseEvmPrivateKey(Buffer.from(secret).toString('hex'));
    return key === undefined ? undefined : evmAddressOf(key);
  },
  solana: svmAddressOf,
};

/** The configured networks with what settles on them. Talks to no node yet. */
export function openNetworks(
  config: Config,
  parts: { readonly clock: Clock; readonly onRpcCall: RpcObserver; readonly log: Logger },
): readonly OpenNetwork[] {
  const { clock, onRpcCall, log } = parts;
  const onWarning = (message: string, facts?: FaultFacts) => {
    log.warn({ facts }, message);
  };
  const open = [];
  if (config.evm !== undefined) {
    const { network, signers } = config.evm;
    const assets = tokensOf(config.evm);
    const signerKeys = signers.map(({ key }) => key.reveal());
    const made = createEvmNetwork({
      network,
      rpcUrls: config.evm.rpcUrls.map((url) => url.reveal()),
      limits: config.evm.rpc,
      signerKeys,
      assets,
      clock,
      onRpcCall,
      onWarning,
    });
    open.push(withAssets(made, assets));
  }
  if (config.svm !== undefined) {
    const { network, signers } = config.svm;
    const assets = tokensOf(config.svm);
    const feePayerKey = signers[0]?.key.reveal() ?? '';
    const made = createSvmNetwork({
      network,
      rpcUrls: config.svm.rpcUrls.map((url) => url.reveal()),
      limits: config.svm.rpc,
      feePayerKey,
      assets,
      clock,
      onRpcCall,
      onWarning,
    });
    open.push(withAssets(made, assets));
  }
  return open;
}

function tokensOf({ network, assets }: NetworkConfig): readonly string[] {
  return [...new Set([...knownTokensOf(network).map(({ token }) => token), ...assets])];
}

function withAssets(
  made: Pick<OpenNetwork, 'chain' | 'schemes' | 'endpoints'>,
  tokens: readonly string[],
): OpenNetwork {
  return { ...made, assets: tokens.map((token) => ({ network: made.chain.network, token })) };
}

function databaseCheck(database: Storage['database']): NamedCheck {
  return {
    name: 'database',
    run: async () => {
      await database.check();
      return undefined;
    },
    withoutAnswer: 'The database does not answer: start it, or correct DATABASE_URL',
  };
}

import type { Database } from '@tollkeeper/database';
import { evmAddressOf, parseEvmPrivateKey } from '@tollkeeper/evm';
import { createExpirySweeper, createLedger, createStatementReader } from '@tollkeeper/ledger';
import { networkFamily, systemClock, type Clock } from '@tollkeeper/protocol';
import { svmAddressOf } from '@tollkeeper/svm';
import { createApp } from './app.js';
import { composeEngine, type Overrides } from './compose-engine.js';
import { openNetworks, type OpenNetwork } from './compose-networks.js';
import { createCustody } from './compose-custody.js';
import { composeV1 } from './compose-v1.js';
import type { Config } from './config/config.js';
import { createPauseGate } from './controls/pause-gate.js';
import type { AddressOfKey } from './custody/key-rotation.js';
import { createExpirySweeps } from './custody/expiry-sweeps.js';
import type { EncryptionKeys } from './custody/key-vault.js';
import type { Wallets } from './custody/wallets.js';
import { generatedEncryptionKey } from './data-dir.js';
import { createFeeAdministration, type FeeAdministration } from './fees/fee-administration.js';
import type { Logger } from './logging/logger.js';
import { createMetrics } from './metrics/metrics.js';
import { createPayToPolicy } from './payment/pay-to-policy.js';
import { createProver } from './payment/proven-payment.js';
import { createSchemeRegistry } from './payment/scheme-registry.js';
import { chainChecks, createReadiness, type NamedCheck } from './readiness.js';
import { unfinalEffects } from './settlement/finality/unfinal-effects.js';
import { laneCheck } from './settlement/lane-check.js';
import { createPaymentReport } from './settlement/payment-report.js';
import { openServiceOperations } from './service-operations.js';
import { settlementsInFlight } from './settlement/settlements-in-flight.js';
import { createWalletStatements, type WalletStatements } from './statements/wallet-statements.js';
import { openStorage, recogniseChain, type Storage } from './storage.js';
import { openMerchantAccess } from './tenancy/merchant-access.js';
import { createTenantAdministration, type TenantAdministration } from './tenancy/tenant-administration.js';
import { createVerify } from './verification/verify.js';

/** How soon what expired goes back by itself. */
const expirySweepMs = 1_000;

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
    const engine = composeEngine(config, { database, ledger, chains, schemes, metrics, clock, log, overrides });
    const { store } = engine;
    metrics.measureEngine(engine.state);
    const access = await openMerchantAccess({ database, log, settleWaitMs: config.settlement.waitMs });
    const v1 = composeV1(config, { database, ledger, networks, keys: await encryptionKeys(config), clock, log });
    const sweeper = createExpirySweeper({ database, ledger });
    const sweeps = createExpirySweeps({ sweeper, log, intervalMs: expirySweepMs });
    const payToPolicy = createPayToPolicy({ environment: config.environment, database });
    const prove = createProver({ schemes, payToPolicy, minimumAmount: config.settlement.minimumAmount });
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
      report: createPaymentReport({ database }),
      readiness: createReadiness([
        databaseCheck(database),
        ...networks.flatMap((network) => networkChecks(config, { network, database })),
      ]),
      serves: config.role === 'settler' ? 'operations' : 'everything',
      recordedSettlements: access.recordedSettlements,
      v1: { ...access, routes: v1.routes },
    });
    await engine.start();
    await operations.start();
    sweeps.start();
    v1.start();
    return {
      app,
      /** What is served under `/v1`, as data. */
      v1Routes: v1.routes,
      /** Finishes requests under way, then submissions, then lets go of the database. */
      async close() {
        await app.close();
        await engine.stop();
        await operations.stop();
        await sweeps.stop();
        await v1.stop();
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
): Promise<{
  readonly wallets: Wallets;
  readonly statements: WalletStatements;
  readonly fees: FeeAdministration;
  readonly database: Database;
  readonly close: () => Promise<void>;
}> {
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
  const statements = createWalletStatements({ database, reader: createStatementReader({ database }) });
  const fees = createFeeAdministration({ database });
  return { wallets, statements, fees, database, close: () => storage.close() };
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

/** The address that a deposit key belongs to. */
export const addressOfKey: AddressOfKey = {
  eip155(secret) {
    const key = parseEvmPrivateKey(Buffer.from(secret).toString('hex'));
    return key === undefined ? undefined : evmAddressOf(key);
  },
  solana: svmAddressOf,
};

function networkChecks(
  config: Config,
  { network, database }: { readonly network: OpenNetwork; readonly database: Database },
): NamedCheck[] {
  const { chain } = network;
  const signerBalanceMin = config.settlement.signerBalanceMin[networkFamily(chain.network)];
  const lanes = chain.ordered ? [laneCheck({ database, network: chain.network })] : [];
  return [...chainChecks({ ...network, signerBalanceMin }), ...lanes];
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

import type { Database } from '@tollkeeper/database';
import { createExpirySweeper, createLedger } from '@tollkeeper/ledger';
import { networkFamily, systemClock, type Chain, type Clock } from '@tollkeeper/protocol';
import { createApp } from './app.js';
import { composeEngine, type Overrides } from './compose-engine.js';
import { encryptionKeys } from './compose-keys.js';
import { openNetworks, type OpenNetwork } from './compose-networks.js';
import { composeV1 } from './compose-v1.js';
import type { Config } from './config/config.js';
import { createExpirySweeps } from './custody/expiry-sweeps.js';
import type { Logger } from './logging/logger.js';
import { createMetrics, type Metrics } from './metrics/metrics.js';
import { createLateMeetings, meetChains } from './meet-chains.js';
import { createPayToPolicy } from './payment/pay-to-policy.js';
import { createAdmission } from './payment/admission.js';
import { createProver } from './payment/proven-payment.js';
import { createSchemeRegistry } from './payment/scheme-registry.js';
import { chainChecks, createReadiness, type NamedCheck, type ReadinessParts } from './readiness.js';
import { openServiceOperations } from './service-operations.js';
import { unfinalEffects } from './settlement/finality/unfinal-effects.js';
import { laneCheck } from './settlement/lane-check.js';
import { overdueCheck } from './settlement/overdue-check.js';
import { countOverdue } from './settlement/overdue-payments.js';
import { createPaymentReport } from './settlement/payment-report.js';
import type { SettlementEngine } from './settlement/settlement-engine.js';
import { settlementsInFlight } from './settlement/settlements-in-flight.js';
import { openStorage, type Storage } from './storage.js';
import { openMerchantAccess } from './tenancy/merchant-access.js';
import { createVerify } from './verification/verify.js';

/** How soon what expired goes back by itself. */
const expirySweepMs = 1_000;

/** The only place that constructs real parts. Opens the database, meets the chains, and is ready to listen. */
export async function composeService(config: Config, log: Logger, overrides: Overrides = {}) {
  const clock = overrides.clock ?? systemClock;
  const metrics = createMetrics();
  const networks = await openNetworks(config, { clock, onRpcCall: metrics.countRpcCall, log });
  metrics.measureEndpoints(networks.map(({ chain, endpoints }) => ({ network: chain.network, endpoints })));
  const storage = await openStorage(config, { log, beside: false });
  try {
    const away = await meetChains({ database: storage.database, networks, log });
    return await composeOn(storage, { config, log, overrides, clock, metrics, networks, away });
  } catch (error) {
    await storage.close();
    throw error;
  }
}

interface Foundation {
  readonly config: Config;
  readonly log: Logger;
  readonly overrides: Overrides;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly networks: readonly OpenNetwork[];
  /** Chains of which no node has answered yet. */
  readonly away: readonly Chain[];
}

async function composeOn(storage: Storage, foundation: Foundation) {
  const { database } = storage;
  const { config, log, metrics, networks, away } = foundation;
  const ledger = createLedger({
    database,
    onPosted: ({ scope }) => {
      metrics.countPosting(scope);
    },
  });
  const chains = networks.map(({ chain }) => chain);
  const schemes = createSchemeRegistry(networks.flatMap((each) => each.schemes));
  const operations = await openServiceOperations({
    ...foundation,
    database,
    reconcileIntervalSeconds: config.reconcileIntervalSeconds,
  });
  const { controls } = operations;
  const engine = composeEngine(config, { ...foundation, database, ledger, chains, schemes, controls });
  measureSettlement(foundation, { database, engine });
  const access = await openMerchantAccess({ database, log, settleWaitMs: config.settlement.waitMs });
  const v1 = composeV1(config, { ...foundation, database, ledger, keys: await encryptionKeys(config) });
  const sweeps = createExpirySweeps({
    sweeper: createExpirySweeper({ database, ledger }),
    log,
    intervalMs: expirySweepMs,
  });
  const payToPolicy = createPayToPolicy({ environment: config.environment, database });
  const admit = createAdmission({ payToPolicy, controls, store: engine.store });
  const app = createApp({
    log,
    metrics,
    schemes,
    stopped: operations.stopped,
    settle: (payment, abort) => engine.settle(payment, abort),
    settleWaitMs: config.settlement.waitMs,
    prove: createProver({ schemes, minimumAmount: config.settlement.minimumAmount }),
    admit,
    verify: createVerify({ admit, store: engine.store }),
    report: createPaymentReport({ database }),
    readiness: createReadiness(readinessOf(foundation, database)),
    serves: config.role === 'settler' ? 'operations' : 'everything',
    recordedSettlements: access.recordedSettlements,
    v1: { ...access, routes: v1.routes },
  });
  const running = [engine, operations, sweeps, v1, createLateMeetings({ database, away, log })];
  for (const part of running) await part.start();
  return {
    app,
    /** What is served under `/v1`, as data. */
    v1Routes: v1.routes,
    /** Finishes requests under way, then submissions, then lets go of the database. */
    async close() {
      await app.close();
      for (const part of running) await part.stop();
      await access.close();
      await Promise.all(networks.map((network) => network.close()));
      await storage.close();
    },
  };
}

function measureSettlement(
  { metrics, networks }: Foundation,
  { database, engine }: { readonly database: Database; readonly engine: SettlementEngine },
): void {
  const served = networks.map(({ chain }) => chain.network);
  metrics.measureSettlements(
    () => settlementsInFlight(database, served),
    () => countOverdue(database, served),
  );
  metrics.measureUnfinalEffects(() => unfinalEffects(database, served));
  metrics.measureEngine(() => engine.state());
}

function readinessOf({ config, networks }: Foundation, database: Database): ReadinessParts {
  return {
    shared: [databaseCheck(database)],
    networks: networks.map((network) => networkChecks(config, { network, database })),
  };
}

function networkChecks(
  config: Config,
  { network, database }: { readonly network: OpenNetwork; readonly database: Database },
): NamedCheck[] {
  const { chain } = network;
  const signerBalanceMin = config.settlement.signerBalanceMin[networkFamily(chain.network)];
  const lanes = chain.ordered ? [laneCheck({ database, network: chain.network })] : [];
  const overdue = overdueCheck({ database, network: chain.network });
  return [...chainChecks({ ...network, signerBalanceMin }), ...lanes, overdue];
}

function databaseCheck(database: Database): NamedCheck {
  return {
    name: 'database',
    run: async () => {
      await database.check();
      return undefined;
    },
    withoutAnswer: 'The database does not answer: start it, or correct DATABASE_URL',
  };
}

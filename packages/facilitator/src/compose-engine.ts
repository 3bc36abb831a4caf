import type { Database } from '@tollkeeper/database';
import type { Ledger } from '@tollkeeper/ledger';
import { networkFamily, type Chain, type Clock } from '@tollkeeper/protocol';
import type { Config } from './config/config.js';
import { pauseOf } from './controls/pause-of.js';
import type { ControlWatch } from './controls/watch-controls.js';
import type { Logger } from './logging/logger.js';
import type { Metrics } from './metrics/metrics.js';
import type { SchemeRegistry } from './payment/scheme-registry.js';
import type { CheckpointHook } from './settlement/checkpoint.js';
import { createSettlementEngine, type SettlementEngine } from './settlement/settlement-engine.js';

/** How often the chains are asked for the outcome of what is in flight, once the first quick looks found nothing. */
const observationPollMs = 200;

/** What is not on chain after this time is sent again. */
const resendMs = 3_000;

/** How often a process keeps its claims and lanes, and looks after what other processes have left. */
const tendMs = 2_000;

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
  /** How often the engine looks after its lanes and after what is left. */
  readonly tendMs?: number;
}

/** The settlement engine as the configuration wants it. */
export function composeEngine(
  config: Config,
  parts: {
    readonly database: Database;
    readonly ledger: Ledger;
    readonly chains: readonly Chain[];
    readonly schemes: SchemeRegistry;
    readonly metrics: Metrics;
    readonly clock: Clock;
    readonly log: Logger;
    readonly overrides: Overrides;
    readonly controls: ControlWatch;
  },
): SettlementEngine {
  const { schemes, metrics, overrides, controls } = parts;
  const { settlement } = config;
  return createSettlementEngine({
    ...parts,
    examine: async (payment) => {
      const found = schemes.find(payment);
      return 'rejection' in found ? { kind: 'refused', rejection: found.rejection } : found.handler.examine(payment);
    },
    waitMs: settlement.waitMs,
    queueMax: settlement.queueMax,
    signs: config.role !== 'api',
    pauseOf: (authorization) => pauseOf(controls, authorization),
    limits: {
      pollMs: observationPollMs,
      resendMs,
      replaceAfterMs: settlement.replaceAfterMs,
      payerFailuresMax: settlement.payerFailuresMax,
      dailyBudget: (network) => settlement.dailyBudget[networkFamily(network)],
      signerBalanceMin: (network) => settlement.signerBalanceMin[networkFamily(network)],
    },
    events: metrics.settlement,
    finalityPollMs: (network) => overrides.finalityPollMs ?? finalityPollMs[networkFamily(network)],
    onFinalityChange: metrics.countFinalityChange,
    tendMs: overrides.tendMs ?? tendMs,
    checkpoint: overrides.checkpoint ?? (() => undefined),
  });
}

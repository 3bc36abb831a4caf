import { Gauge, type Registry } from 'prom-client';
import type { StoppedNote } from '../controls/stopped-notes.js';
import type { PastReconciliation } from '../reconciliation/reconciliation-history.js';

/**
 * What is stopped, and what the last reconciliation found, whichever process made it. Assets are the only labels that grow, and
 * only an operator adds one; amounts are no metric, because a float cannot hold them.
 */
export function measureOperations(
  registry: Registry,
  read: {
    readonly stopped: () => readonly StoppedNote[];
    readonly lastReconciliation: () => Promise<PastReconciliation | undefined>;
  },
): void {
  const registers = [registry];
  const stopped: Gauge<'kind' | 'network' | 'asset'> = new Gauge({
    name: 'tollkeeper_stopped',
    help: 'What an operator has paused, and assets whose outflows a reconciliation froze',
    labelNames: ['kind', 'network', 'asset'],
    registers,
    collect() {
      stopped.reset();
      for (const { kind, network = '', asset = '', count } of read.stopped())
        stopped.set({ kind, network, asset }, count);
    },
  });
  const finished = new Gauge({
    name: 'tollkeeper_reconciliation_finished_timestamp_seconds',
    help: 'When the last reconciliation ended',
    registers,
  });
  const outcome = new Gauge({
    name: 'tollkeeper_reconciliation_outcome',
    help: '1 for the outcome of the last reconciliation: clean, different, or incomplete',
    labelNames: ['outcome'],
    registers,
  });
  const differences: Gauge<'check' | 'network' | 'asset'> = new Gauge({
    name: 'tollkeeper_reconciliation_differences',
    help: 'Comparisons that differed in the last reconciliation',
    labelNames: ['check', 'network', 'asset'],
    registers,
    async collect() {
      for (const gauge of [finished, outcome, differences]) gauge.reset();
      // Without the database these have no values; that is when all others are needed most.
      const last = await read.lastReconciliation().catch(() => undefined);
      if (last === undefined) return;
      finished.set(last.finishedAt.getTime() / 1_000);
      for (const each of ['clean', 'different', 'incomplete'])
        outcome.set({ outcome: each }, each === last.outcome ? 1 : 0);
      for (const { check, asset, count } of last.counts) {
        differences.set({ check, network: asset.network, asset: asset.token }, count);
      }
    },
  });
}

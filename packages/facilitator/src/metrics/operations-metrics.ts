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
  const last = sharedRead(read.lastReconciliation);
  const finished: Gauge = new Gauge({
    name: 'tollkeeper_reconciliation_finished_timestamp_seconds',
    help: 'When the last reconciliation ended',
    registers,
    async collect() {
      const found = await last();
      // A moment that nobody knows is no moment at all; zero would read as a reconciliation that is decades old.
      if (found === undefined) finished.remove();
      else finished.set(found.finishedAt.getTime() / 1_000);
    },
  });
  const outcome: Gauge<'outcome'> = new Gauge({
    name: 'tollkeeper_reconciliation_outcome',
    help: '1 for the outcome of the last reconciliation: clean, different, or incomplete',
    labelNames: ['outcome'],
    registers,
    async collect() {
      const found = await last();
      outcome.reset();
      if (found === undefined) return;
      for (const each of ['clean', 'different', 'incomplete'])
        outcome.set({ outcome: each }, each === found.outcome ? 1 : 0);
    },
  });
  const differences: Gauge<'check' | 'network' | 'asset'> = new Gauge({
    name: 'tollkeeper_reconciliation_differences',
    help: 'Comparisons that differed in the last reconciliation',
    labelNames: ['check', 'network', 'asset'],
    registers,
    async collect() {
      const found = await last();
      differences.reset();
      for (const { check, asset, count } of found?.counts ?? []) {
        differences.set({ check, network: asset.network, asset: asset.token }, count);
      }
    },
  });
}

/**
 * One read for all gauges of a scrape. Each waits for it by itself, because a gauge is written down as soon as it was
 * collected. Without the database they have no values; that is when all others are needed most.
 */
function sharedRead<Value>(read: () => Promise<Value | undefined>): () => Promise<Value | undefined> {
  let reading: Promise<Value | undefined> | undefined;
  return () =>
    (reading ??= read()
      .catch(() => undefined)
      .finally(() => {
        reading = undefined;
      }));
}

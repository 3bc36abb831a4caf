import type { Network } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import { passes } from '../passes.js';
import type { PaymentStore } from './payment-store.js';

/** Every so many times that a process looks after what is left it also looks at what changes more slowly. */
const turnsPer = { places: 2, lateTransfers: 8, dropped: 8, balances: 15, overdue: 15 };

/** What is looked after on one network. */
interface Tended {
  readonly network: Network;
  keep(): Promise<void>;
  tendLanes(): Promise<void>;
  follow(): Promise<unknown>;
  lookAtPlaces(): Promise<void>;
  lookForLateTransfers(): Promise<void>;
  takeDropped(): Promise<void>;
  lookForOverdue(): Promise<void>;
  lookAtBalances(): Promise<void>;
  state(): { readonly poor: number };
}

/**
 * Keeps the leases of this process, and looks after what it and others have left unfinished. The two go on apart: a node that
 * hangs must not cost a lease. Nor do the look at places and the search for late transfers hold up the rest: they may take a node
 * minutes, and what a process that died has left is wanted at once.
 */
export function createTending(parts: {
  readonly store: PaymentStore;
  readonly networks: readonly Tended[];
  readonly keepClaims: () => Promise<void>;
  /** Well within a lease. */
  readonly tendMs: number;
  readonly log: Logger;
}) {
  const { store, networks, log, tendMs } = parts;
  const stopping = new AbortController();
  let running: Promise<unknown> | undefined;

  return {
    start(): void {
      running ??= Promise.all([keep(), ...networks.map(tend)]);
    },
    async stop(): Promise<void> {
      stopping.abort();
      await running;
    },
  };

  async function keep(): Promise<void> {
    while (await passes(tendMs, stopping.signal)) {
      await attempt(() => parts.keepClaims());
      for (const network of networks) await attempt(() => network.keep());
      await attempt(() => store.releaseAllAbandoned(networks.map(({ network }) => network)));
    }
  }

  async function tend(network: Tended): Promise<void> {
    const looking = oneAtATime(() => network.lookAtPlaces());
    const searching = oneAtATime(() => network.lookForLateTransfers());
    for (let turn = 1; await passes(tendMs, stopping.signal); turn += 1) {
      await attempt(() => network.tendLanes());
      await attempt(() => network.follow());
      if (turn % turnsPer.places === 0) looking.begin();
      if (turn % turnsPer.lateTransfers === 0) searching.begin();
      if (turn % turnsPer.dropped === 0) await attempt(() => network.takeDropped());
      if (turn % turnsPer.overdue === 0) await attempt(() => network.lookForOverdue());
      // Whoever funds a signer is waiting for it to be noticed.
      if (turn % turnsPer.balances === 0 || network.state().poor > 0) await attempt(() => network.lookAtBalances());
    }
    await Promise.all([looking.ended(), searching.ended()]);
  }

  /** Work that goes on beside the rest, and does not begin again before it has ended. */
  function oneAtATime(work: () => Promise<void>) {
    let running: Promise<void> | undefined;
    return {
      begin(): void {
        running ??= attempt(work).finally(() => (running = undefined));
      },
      ended: () => running,
    };
  }

  async function attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn({ err: error }, 'unfinished settlements could not be looked after');
    }
  }
}

import type { Database } from '@tollkeeper/database';
import { createBatcher, type Network } from '@tollkeeper/protocol';
import { passes } from '../passes.js';

const channel = 'tollkeeper_queue';

/** Notifications may be lost, so whoever can sign looks this often. */
const pollMs = 250;

/** Claims that are announced together: as many as whoever hears of them takes up at once. */
const claimsPerAnnouncement = 200;

/** Who takes up what waits on a network. */
interface QueueTaker {
  readonly network: Network;
  noteHeight(paymentId: string): Promise<void>;
  takeQueued(): Promise<void>;
}

/** Brings claims from the processes that received them to those that can sign them, within a quarter of a second. */
export function createQueueNews(parts: { readonly database: Database; readonly networks: readonly QueueTaker[] }) {
  const { database, networks } = parts;
  const stopping = new AbortController();
  let polling: Promise<void> | undefined;
  let stopListening: (() => Promise<void>) | undefined;
  // Whoever hears looks through all that is in flight, and the server commits one announcement after another.
  const announce = createBatcher({ run: announceAll, maximumItems: claimsPerAnnouncement, purpose: 'write' });

  return {
    async announce(network: Network, paymentId: string): Promise<void> {
      for (const each of networks) if (each.network === network) void each.noteHeight(paymentId);
      await announce(network);
    },
    async start(): Promise<void> {
      polling ??= poll();
      stopListening ??= await database.listen(channel, (payload) => {
        for (const each of networks) if (payload === '' || payload === each.network) void each.takeQueued();
      });
    },
    async stop(): Promise<void> {
      stopping.abort();
      await stopListening?.();
      await polling;
    },
  };

  async function announceAll(ofClaims: readonly Network[]): Promise<readonly undefined[]> {
    await database.sql`SELECT pg_notify(${channel}, network) FROM unnest(${[...new Set(ofClaims)]}::text[]) AS network`;
    return ofClaims.map(() => undefined);
  }

  async function poll(): Promise<void> {
    while (await passes(pollMs, stopping.signal)) await Promise.all(networks.map((each) => each.takeQueued()));
  }
}

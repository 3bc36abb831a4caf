import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { asConnectFault } from './database-error.js';
import type { WarningSink } from './warning-sink.js';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

/** What a listener needs. */
export interface ListenerParts {
  readonly options: pg.ClientConfig;
  readonly channel: string;
  readonly onPayload: (payload: string) => void;
  readonly onWarning: WarningSink;
}

/**
 * Listens on a connection of its own until the answered function is called. After a loss it subscribes again and then
 * calls `onPayload('')`, because notifications sent in between are gone and the listener has to look for itself.
 */
export async function listenForNotifications(parts: ListenerParts): Promise<() => Promise<void>> {
  const stopped = new AbortController();
  const isStopped = () => stopped.signal.aborted;
  let current = await subscribe(parts, onLoss);

  function onLoss(): void {
    if (isStopped()) return;
    parts.onWarning('The connection that listens for notifications was lost');
    void resubscribe();
  }

  async function resubscribe(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      await delay(pauseMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
      if (isStopped()) return;
      const next = await subscribe(parts, onLoss).catch(() => undefined);
      if (next === undefined) continue;
      current = next;
      // It may have been stopped while the new subscription was on its way.
      if (isStopped()) await end(current);
      else handOver(parts, '');
      return;
    }
  }

  return async () => {
    stopped.abort();
    await end(current);
  };
}

async function subscribe(parts: ListenerParts, onLoss: () => void): Promise<pg.Client> {
  const client = new pg.Client(parts.options);
  client.on('notification', ({ payload }) => handOver(parts, payload ?? ''));
  // The loss itself is told by `end`, which also comes without an error; unheard, an error would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`LISTEN ${client.escapeIdentifier(parts.channel)}`);
  } catch (error) {
    await end(client);
    throw asConnectFault(error);
  }
  client.once('end', onLoss);
  return client;
}

function handOver(parts: ListenerParts, payload: string): void {
  try {
    parts.onPayload(payload);
  } catch (error) {
    parts.onWarning('A notification was not taken', error);
  }
}

async function end(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined);
}

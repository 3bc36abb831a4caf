import type { Database } from '@tollkeeper/database';
import { isSameAsset, type Authorization } from '@tollkeeper/protocol';
import type { Logger } from '../logging/logger.js';
import type { ActiveControl } from './control.js';
import { toActiveControl, type ControlRow } from './control-row.js';

/** What is stopped, as this process knows it; never more than a second behind the database. */
export interface ControlWatch {
  readonly all: () => readonly ActiveControl[];
  /** What keeps this payment from starting, the widest first. */
  readonly pausing: (authorization: Authorization) => ActiveControl | undefined;
  readonly stop: () => Promise<void>;
}

/** The channel that the trigger `control_is_announced` notifies. */
const channel = 'tollkeeper_control';

/** Behind the notifications: a pooler may drop them, and a merchant that is paused may get a new address. */
const defaultPollMs = 400;

/** What is known, and the deposit addresses of every merchant that is paused. */
interface Known {
  readonly all: readonly ActiveControl[];
  readonly addresses: ReadonlyMap<string, ActiveControl>;
}

/**
 * Reads what is stopped, and again whenever it changes. While the database does not answer, what was known last holds; nothing
 * is claimed then anyway.
 */
export async function watchControls(parts: {
  readonly database: Database;
  readonly log: Logger;
  readonly pollMs?: number;
}): Promise<ControlWatch> {
  const { database, log } = parts;
  let known = await read(database);
  let reading: Promise<void> | undefined;
  let isOutdated = false;
  let isFailing = false;
  let isStopped = false;

  const unlisten = await database.listen(channel, refresh);
  const timer = setInterval(refresh, parts.pollMs ?? defaultPollMs).unref();
  refresh();

  return { all: () => known.all, pausing, stop };

  function pausing({ asset, payTo }: Authorization): ActiveControl | undefined {
    const active = known.all.find(({ control }) => control.kind === 'settlement');
    if (active !== undefined) return active;
    const inAsset = known.all.find(({ control }) => control.kind === 'asset' && isSameAsset(control.asset, asset));
    return inAsset ?? known.addresses.get(placeOf({ network: asset.network, address: payTo }));
  }

  function refresh(): void {
    isOutdated = true;
    reading ??= readWhileOutdated().finally(() => {
      reading = undefined;
    });
  }

  /** A change that is announced while an earlier one is read needs another look. */
  async function readWhileOutdated(): Promise<void> {
    while (isOutdated && !isStopped) {
      isOutdated = false;
      try {
        known = await read(database);
        isFailing = false;
      } catch (error) {
        if (!isFailing) log.warn({ err: error }, 'what is stopped could not be read; what was known holds');
        isFailing = true;
      }
    }
  }

  async function stop(): Promise<void> {
    isStopped = true;
    clearInterval(timer);
    await unlisten();
    await reading;
  }
}

async function read({ sql }: Database): Promise<Known> {
  const rows = await sql<ControlRow & { readonly addresses: readonly string[] }>`
    SELECT kind, merchant_id AS "merchantId", network, token, reason, set_by AS "setBy", since,
      ARRAY(
        SELECT deposit_address.network || ' ' || deposit_address.address
        FROM wallet JOIN deposit_address ON deposit_address.wallet_id = wallet.id
        WHERE wallet.merchant_id = control.merchant_id
      ) AS addresses
    FROM control ORDER BY id`;
  const all = rows.map(toActiveControl);
  const addresses = rows.flatMap((row, index) => row.addresses.map((address) => [address, all[index]] as const));
  return {
    all,
    addresses: new Map(addresses.filter((entry): entry is [string, ActiveControl] => entry[1] !== undefined)),
  };
}

function placeOf({ network, address }: { readonly network: string; readonly address: string }): string {
  return `${network} ${address}`;
}

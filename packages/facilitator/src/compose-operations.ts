import { systemClock, type Asset, type PaymentReport } from '@tollkeeper/protocol';
import { canonicalAddress } from './compose-custody.js';
import { addressOfKey, encryptionKeys } from './compose-keys.js';
import { openNetworks } from './compose-networks.js';
import type { Config } from './config/config.js';
import { createControlStore, type ControlStore } from './controls/control-store.js';
import { createKeyRotation, type KeyRotation } from './custody/key-rotation.js';
import type { Logger } from './logging/logger.js';
import { createReconciliation, type Reconcile } from './reconciliation/reconcile.js';
import { createPaymentReport } from './settlement/payment-report.js';
import { openStorage, type Storage } from './storage.js';

/** What an operator stops, reconciles and looks up, without the service. */
export interface Operations {
  readonly database: Storage['database'];
  /** The configured assets; the ledger may know others. */
  readonly assets: readonly Asset[];
  readonly controls: ControlStore;
  readonly reconcile: Reconcile;
  readonly report: (paymentId: string) => Promise<PaymentReport | undefined>;
  /** An address as payments are stored with it, however it was typed. */
  readonly canonicalAddress: (text: string) => string;
  readonly close: () => Promise<void>;
}

export async function composeOperations(config: Config, log: Logger): Promise<Operations> {
  const clock = systemClock;
  const networks = await openNetworks(config, { clock, onRpcCall: () => undefined, log });
  const storage = await openStorage(config, { log, beside: true });
  const { database } = storage;
  const assets = networks.flatMap((network) => network.assets);
  return {
    database,
    assets,
    controls: createControlStore({ database }),
    reconcile: createReconciliation({ database, chains: networks.map(({ chain }) => chain), assets, clock }),
    report: createPaymentReport({ database }),
    canonicalAddress,
    close: () => storage.close(),
  };
}

/** The rotation of the encryption key, for the command line. */
export async function composeKeyRotation(
  config: Config,
  log: Logger,
): Promise<{ readonly rotation: KeyRotation; readonly close: () => Promise<void> }> {
  const keys = await encryptionKeys(config);
  const storage = await openStorage(config, { log, beside: true });
  const { database } = storage;
  return { rotation: createKeyRotation({ database, keys, addressOfKey }), close: () => storage.close() };
}

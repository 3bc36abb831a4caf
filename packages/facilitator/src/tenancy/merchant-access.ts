import type { Database } from '@tollkeeper/database';
import type { V1Parts } from '../http/v1/add-v1-routes.js';
import { loadCursorKey } from '../http/v1/cursor-key.js';
import { createAnswerRetention } from '../idempotency/answer-retention.js';
import { createRecordedSettlements, type RecordedSettlements } from '../idempotency/recorded-settlements.js';
import type { Logger } from '../logging/logger.js';
import { createAsTenant } from './as-tenant.js';
import { createAuthenticate } from './authenticate.js';
import { createKeyUse } from './key-use.js';

/** How merchants come in, and what is remembered of their calls. */
export interface MerchantAccess extends Omit<V1Parts, 'routes'> {
  readonly recordedSettlements: RecordedSettlements;
  /** Writes down what is noted of the keys, and stops. */
  readonly close: () => Promise<void>;
}

export async function openMerchantAccess(parts: {
  readonly database: Database;
  readonly log: Logger;
  readonly settleWaitMs: number;
}): Promise<MerchantAccess> {
  const { database, log, settleWaitMs } = parts;
  const keyUse = createKeyUse({ database, log });
  const authenticate = createAuthenticate({ database, keyUse });
  const cursorKey = await loadCursorKey(database);
  const retention = createAnswerRetention({ database, log });
  retention.start();
  return {
    authenticate,
    asTenant: createAsTenant(database),
    cursorKey,
    recordedSettlements: createRecordedSettlements({ database, authenticate, settleWaitMs }),
    async close() {
      await retention.stop();
      await keyUse.flush();
    },
  };
}

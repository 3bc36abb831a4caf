import type { Permission } from './permissions.js';

/** Who calls: a merchant, by one of its keys. */
export interface Tenant {
  readonly merchantId: string;
  readonly keyId: string;
  readonly permissions: readonly Permission[];
  /** When the key ends, so that it cannot make one that lives longer. */
  readonly keyExpiresAt: Date | null;
}

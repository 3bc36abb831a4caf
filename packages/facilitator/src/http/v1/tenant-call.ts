import type { AuditedChange } from '../../audit/audit.js';
import type { TenantTransaction } from '../../tenancy/as-tenant.js';
import type { Tenant } from '../../tenancy/tenant.js';
import type { Cursors } from './cursors.js';
import type { NameJournal } from './journal-name.js';

/** What every handler gets to know of its call. */
interface Call {
  readonly tenant: Tenant;
  readonly requestId: string;
  /** Positions in lists of this route, for this merchant. */
  readonly cursors: Cursors;
  readonly nameJournal: NameJournal;
}

/** A call whose work is one transaction: `sql` sees the tenant's rows, `service` posts money. */
export interface TenantCall extends Call, TenantTransaction {
  /** Notes a change for the audit; it is appended when the handler is done, in the same transaction. */
  readonly audit: (change: AuditedChange) => void;
}

/** A transaction of a call that makes its own. */
export interface AuditedTransaction extends TenantTransaction {
  readonly audit: (change: AuditedChange) => void;
}

/** A call that opens transactions of its own, each short. */
export interface ApartCall extends Call {
  readonly asTenant: <T>(work: (transaction: AuditedTransaction) => Promise<T>) => Promise<T>;
}

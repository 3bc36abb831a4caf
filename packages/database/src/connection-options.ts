import type { ClientConfig } from 'pg';

/** How the service talks to one database. */
export interface ConnectionParts {
  readonly url: string;
  /** The role every connection takes on, whoever logs in. */
  readonly role: string;
  readonly applicationName: string;
  readonly statementTimeoutMs: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 5_000;
/** A listener says nothing by itself; without this it would notice a vanished server after hours. */
const KEEP_ALIVE_DELAY_MS = 10_000;

/** How long the client waits for a statement beyond the server's own limit: the server may be unreachable by then. */
const ANSWER_GRACE_MS = 2_000;

/**
 * The driver's options. The role is a start-up option, so it binds before the first statement and a rolled-back
 * transaction cannot undo it; row security and privileges then hold even for a superuser's login.
 */
export function connectionOptions(parts: ConnectionParts): ClientConfig {
  if (!/^[a-z_][a-z0-9_]*$/.test(parts.role)) throw new TypeError('A role is a lower-case SQL identifier');
  const settings = {
    role: parts.role,
    timezone: 'UTC',
    statement_timeout: parts.statementTimeoutMs,
    lock_timeout: LOCK_TIMEOUT_MS,
    // Statements are planned once for a connection, often while a table is young. A sequential scan that suits ten rows would
    // be kept when there are millions, here and in the checks of foreign keys, so none is planned where an index serves.
    enable_seqscan: 'off',
    // The same plan from the first time on, made for any parameters: one that is made for some takes a busy account for an
    // average one, and sorts its whole history for the sake of a page.
    plan_cache_mode: 'force_generic_plan',
    idle_in_transaction_session_timeout: parts.statementTimeoutMs,
  };
  return {
    connectionString: withStartupOptions(parts.url, settings),
    application_name: parts.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: parts.statementTimeoutMs + ANSWER_GRACE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
  };
}

/** Options in a connection string win over all others in the driver, so ours are appended there; the last one counts. */
function withStartupOptions(url: string, settings: Readonly<Record<string, string | number>>): string {
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const [address = '', query] = url.split('?', 2);
  const search = new URLSearchParams(query);
  const theirs = search.get('options');
  search.set('options', [...(theirs === null ? [] : [theirs]), ...ours].join(' '));
  return `${address}?${search.toString().replaceAll('+', '%20')}`;
}

import type { Database } from '@tollkeeper/database';
import type { Logger } from '../logging/logger.js';

/** How often the keys that were used are written down. */
const flushMs = 2_000;

export type KeyUse = ReturnType<typeof createKeyUse>;

/**
 * Remembers which keys were used and writes it behind the requests, one statement for all of them. Losing the last moments in
 * a crash costs nothing but an older "last used".
 */
export function createKeyUse(parts: { readonly database: Database; readonly log: Logger }) {
  const used = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  return { note, flush };

  function note(keyId: string): void {
    used.add(keyId);
    timer ??= setTimeout(() => void flush(), flushMs).unref();
  }

  /** Writes what was noted, and returns when it is written or given up. */
  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const ids = [...used];
    used.clear();
    if (ids.length > 0) writing = writing.then(() => write(ids));
    await writing;
  }

  async function write(ids: readonly string[]): Promise<void> {
    try {
      // Another process may write the same keys, or somebody may revoke one: whoever is first is good enough.
      await parts.database.sql`
        UPDATE api_key SET last_used_at = now()
        FROM (
          SELECT id FROM api_key WHERE id = ANY(${ids}::uuid[]) FOR NO KEY UPDATE SKIP LOCKED
        ) AS free
        WHERE api_key.id = free.id`;
    } catch (error) {
      parts.log.warn({ err: error, keys: ids.length }, 'the last use of keys could not be written');
    }
  }
}

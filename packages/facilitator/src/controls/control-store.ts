import type { Database, Sql } from '@tollkeeper/database';
import { appendAudit } from '../audit/audit.js';
import { nameOfControl, type ActiveControl, type Control } from './control.js';
import { columnsOf, toActiveControl, type ControlRow } from './control-row.js';

export type ControlStore = ReturnType<typeof createControlStore>;

/** What is stopped, as the database has it. Every change is audited in its own transaction and announced to all processes. */
export function createControlStore(parts: { readonly database: Database }) {
  const { database } = parts;
  return { list, stop, resume };

  async function list(): Promise<readonly ActiveControl[]> {
    const rows = await database.sql<ControlRow>`
      SELECT kind, merchant_id AS "merchantId", network, token, reason, set_by AS "setBy", since FROM control ORDER BY id`;
    return rows.map(toActiveControl);
  }

  /** Answers whether it was running until now. */
  function stop(control: Control, reason: string): Promise<boolean> {
    return database.transaction((sql) => stopWithin(sql, { control, reason, setBy: 'operator' }));
  }

  /** Answers whether it was stopped until now. */
  function resume(control: Control, reason: string): Promise<boolean> {
    return database.transaction(async (sql) => {
      const { merchantId, network, token } = columnsOf(control);
      const [row] = await sql<ControlRow>`
        DELETE FROM control WHERE kind = ${control.kind} AND merchant_id IS NOT DISTINCT FROM ${merchantId}::uuid
          AND network IS NOT DISTINCT FROM ${network} AND token IS NOT DISTINCT FROM ${token}
        RETURNING kind, merchant_id AS "merchantId", network, token, reason, set_by AS "setBy", since`;
      if (row === undefined) return false;
      const { reason: stoppedFor, setBy, since } = row;
      await appendAudit(sql, {
        merchantId,
        actor: { kind: 'operator' },
        action: 'control.resume',
        subject: nameOfControl(control),
        before: { reason: stoppedFor, setBy, since },
        after: { reason },
      });
      return true;
    });
  }
}

/** Stops something within a transaction that does more. It is audited last, because that holds a lock until the commit. */
export async function stopWithin(
  sql: Sql,
  stop: { readonly control: Control; readonly reason: string; readonly setBy: ActiveControl['setBy'] },
): Promise<boolean> {
  const { control, reason, setBy } = stop;
  const { merchantId, network, token } = columnsOf(control);
  const rows = await sql`
    INSERT INTO control (kind, merchant_id, network, token, reason, set_by)
    VALUES (${control.kind}, ${merchantId}::uuid, ${network}, ${token}, ${reason}, ${setBy})
    ON CONFLICT DO NOTHING RETURNING id`;
  if (rows.length === 0) return false;
  await appendAudit(sql, {
    merchantId,
    actor: { kind: setBy === 'operator' ? 'operator' : 'service' },
    action: 'control.stop',
    subject: nameOfControl(control),
    after: { reason, setBy },
  });
  return true;
}

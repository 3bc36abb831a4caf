import type { Database } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';
import type { NamedCheck } from '../readiness.js';

/** Whether some process, this one or another, can sign on a network whose signers number their transactions. */
export function laneCheck(parts: { readonly database: Database; readonly network: Network }): NamedCheck {
  const { database, network } = parts;
  return {
    name: `lanes ${network}`,
    run: async () => {
      const [row] = await database.sql<{ held: bigint }>`
        SELECT count(*) AS held FROM lane WHERE network = ${network} AND lease_until > now()`;
      return row === undefined || row.held === 0n ? noLane : undefined;
    },
    withoutAnswer: 'The database does not tell who can sign: start it, or correct DATABASE_URL',
  };
}

const noLane =
  'No process can sign: start one with ROLE=settler or ROLE=all, or wait for the lease of one that died to end';

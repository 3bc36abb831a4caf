import type { Sql } from '@tollkeeper/database';
import type { Network } from '@tollkeeper/protocol';

/** What one process should hold. */
export interface LaneShare {
  /** So many that all which can sign with the same lanes get as many as any other, give or take one. */
  readonly count: number;
  /** Whether a process that holds less than its share can sign with this lane; the others can be held beyond the share. */
  readonly isWanted: (signer: string) => boolean;
}

/** A process that lives. */
interface Settler {
  readonly processId: string;
  /** The accounts that it can sign with. */
  readonly signers: readonly string[];
  readonly held: bigint;
}

/** How the lanes of a network are shared out now. Processes may have different keys, above all while one is taken away. */
export async function readLaneShare(
  sql: Sql,
  { network, processId }: { readonly network: Network; readonly processId: string },
): Promise<LaneShare> {
  const all = await sql<Settler>`
    SELECT process_id AS "processId", signers, (
      SELECT count(*) FROM lane WHERE network = ${network} AND holder = process_id AND lease_until >= now()) AS held
    FROM settler WHERE network = ${network} AND seen_until > now()`;
  const own = all.find((each) => each.processId === processId);
  const lacking = all.filter((each) => each !== own && Number(each.held) < shareOf(each, all));
  return {
    count: own === undefined ? 0 : shareOf(own, all),
    isWanted: (signer) => lacking.some(({ signers }) => signers.includes(signer)),
  };
}

function shareOf({ processId, signers }: Settler, all: readonly Settler[]): number {
  const sharing = all.filter((each) => each.signers.some((signer) => signers.includes(signer)));
  const place = sharing.filter((each) => each.processId < processId).length;
  return Math.floor(signers.length / sharing.length) + (place < signers.length % sharing.length ? 1 : 0);
}

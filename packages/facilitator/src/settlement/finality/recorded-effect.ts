import type { Database } from '@tollkeeper/database';
import type { Inclusion, Network } from '@tollkeeper/protocol';

/** An effect as the database has it, and the version of it that was read: a verdict on another version changes nothing. */
export interface RecordedEffect extends Inclusion {
  readonly id: bigint;
  /** How often the chain has included it. */
  readonly inclusion: number;
  readonly isReversed: boolean;
  readonly paymentId: string | null;
}

/** Reads the effects of one network that are not final. All of it comes from indexes that hold no others. */
export function createEffectReader({ sql }: Database, network: Network) {
  return { oneOfEachBlock, inBlocks, reversed };

  /** One effect of each block that is not final: as long as its block stands, so do the others of that block. */
  async function oneOfEachBlock(): Promise<readonly RecordedEffect[]> {
    const rows = await sql<EffectRow>`
      SELECT DISTINCT ON (block_number, block_hash) id, transaction, block_number, block_hash, inclusion,
        payment_id, reversed_at
      FROM effect
      WHERE network = ${network} AND final_at IS NULL AND reversed_at IS NULL
      ORDER BY block_number, block_hash`;
    return rows.map(effectOf);
  }

  async function inBlocks(effects: readonly RecordedEffect[]): Promise<readonly RecordedEffect[]> {
    const rows = await sql<EffectRow>`
      SELECT id, transaction, block_number, block_hash, inclusion, payment_id, reversed_at
      FROM effect
      WHERE network = ${network} AND final_at IS NULL AND reversed_at IS NULL
        AND (block_number, block_hash) IN (SELECT * FROM unnest(
          ${effects.map(({ block }) => block.number)}::numeric[], ${effects.map(({ block }) => block.hash)}::text[]))`;
    return rows.map(effectOf);
  }

  /** What a reorg has taken back and may be included again; `withinSeconds` leaves out what was taken back before that. */
  async function reversed(withinSeconds: number): Promise<readonly RecordedEffect[]> {
    const rows = await sql<EffectRow>`
      SELECT id, transaction, block_number, block_hash, inclusion, payment_id, reversed_at
      FROM effect
      WHERE network = ${network} AND final_at IS NULL AND lost_at IS NULL
        AND reversed_at > now() - make_interval(secs => ${withinSeconds})
      ORDER BY reversed_at`;
    return rows.map(effectOf);
  }
}

interface EffectRow {
  readonly id: bigint;
  readonly transaction: string;
  readonly block_number: bigint;
  readonly block_hash: string;
  readonly inclusion: number;
  readonly payment_id: string | null;
  readonly reversed_at: Date | null;
}

function effectOf(row: EffectRow): RecordedEffect {
  return {
    id: row.id,
    transaction: row.transaction,
    block: { number: row.block_number, hash: row.block_hash },
    inclusion: row.inclusion,
    isReversed: row.reversed_at !== null,
    paymentId: row.payment_id,
  };
}

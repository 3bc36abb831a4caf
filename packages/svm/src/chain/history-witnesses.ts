import { isSlotSkipped } from '../rpc/rpc-error.js';
import type { SolanaRpc } from '../rpc/solana-rpc.js';

/** Slots without a block come a few in a row, where a leader was away. */
const slotsTried = 16;

/** So many of a block's transactions that some are no votes, which not every node keeps in its history. */
export const maximumWitnesses = 64;

/** A block that may be asked for. */
export interface OldBlock {
  /** Where to begin to look, going back. */
  readonly slot: bigint;
  /** Its height at most; any block from there back will do without it. */
  readonly height?: bigint;
}

/**
 * Transactions of an old block: whoever finds one of them has that block, and so all blocks since then. Behind one address there
 * may be several nodes, of which one has just begun; what it says of its history, and what another says, proves nothing of an
 * answer that either of them gave. So a search for what may be absent looks for these in the same question.
 * @returns none where no such block was found
 */
export async function findHistoryWitnesses(rpc: SolanaRpc, wanted: OldBlock): Promise<readonly string[]> {
  let { slot } = wanted;
  for (let tried = 0; tried < slotsTried && slot >= 0n; tried += 1) {
    const answer = await rpc.block(slot);
    if (answer.refused) {
      if (!isSlotSkipped(answer.code)) return [];
      slot -= 1n;
      continue;
    }
    const { height, signatures } = answer.result;
    const blocksTooMany = wanted.height === undefined ? 0n : height - wanted.height;
    if (blocksTooMany <= 0n) return spread(signatures);
    slot -= blocksTooMany;
  }
  return [];
}

/** Some of them, from all over the block. */
function spread(signatures: readonly string[]): readonly string[] {
  const step = Math.ceil(signatures.length / maximumWitnesses);
  return signatures.filter((_, index) => index % step === 0);
}

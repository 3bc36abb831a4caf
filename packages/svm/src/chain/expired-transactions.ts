import type { ObservedTransaction } from '@tollkeeper/protocol';
import type { SolanaRpc } from '../rpc/solana-rpc.js';
import { blockhashLifetimeBlocks } from '../transaction/blockhash-lifetime.js';
import type { OldBlock } from './history-witnesses.js';
import { searchHistory, type HistoryFindings } from './search-history.js';

/** More slots than two nodes are apart when a payment is signed. */
const slotsReckoned = 50n;

/** Of so many slots one is without a block, on a bad day. */
const slotsPerSkipped = 8n;

const nothing: HistoryFindings = { found: new Map(), absent: new Set() };

/**
 * Looks for those that no later block can hold. The height is read before the history is searched and counts finalized blocks
 * only, so that what is absent afterwards is in no block at all.
 */
export async function searchExpired(
  rpc: SolanaRpc,
  submitted: readonly ObservedTransaction[],
): Promise<HistoryFindings> {
  if (submitted.every(({ lastValidBlockHeight }) => lastValidBlockHeight === undefined)) return nothing;
  const final = await rpc.epochInfo('finalized');
  const outdated = submitted.flatMap(({ id, lastValidBlockHeight: last }) =>
    last !== undefined && final.blockHeight > last ? [{ id, notBefore: firstBlock(last, final) }] : [],
  );
  return outdated.length === 0 ? nothing : searchHistory(rpc, outdated, final.slot);
}

/**
 * No block below this height holds a transaction that was signed for so long: it was sent after it was signed. Its last height
 * is reckoned from a height or from slots that passed since then, of which some may have had no block.
 */
function firstBlock(
  lastValidBlockHeight: bigint,
  final: { readonly slot: bigint; readonly blockHeight: bigint },
): OldBlock {
  const height = atLeastZero(lastValidBlockHeight - blockhashLifetimeBlocks - slotsReckoned);
  const blocks = final.blockHeight - height;
  // Rather too early, because some slots since then had no block.
  return { slot: atLeastZero(final.slot - blocks - blocks / slotsPerSkipped), height };
}

function atLeastZero(value: bigint): bigint {
  return value < 0n ? 0n : value;
}

import { createHmac } from 'node:crypto';

const nameBytes = 16;

/** Names a journal for whoever reads of it. */
export type NameJournal = (journalId: bigint) => string;

/**
 * Names journals for one merchant. Their numbers count what everybody posts, which is nobody's business; a name says only
 * whether two entries are of the same journal.
 */
export function createJournalNames(parts: { readonly key: Uint8Array; readonly merchantId: string }): NameJournal {
  return (journalId) =>
    createHmac('sha256', parts.key)
      .update(JSON.stringify(['journal', parts.merchantId, journalId.toString()]))
      .digest()
      .subarray(0, nameBytes)
      .toString('hex');
}

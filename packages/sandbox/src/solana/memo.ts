import type { ParsedMessage } from './transaction-parser.js';

export const memoPrograms: ReadonlySet<string> = new Set([
  'MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr',
  'Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo',
]);

/** The memos of a message as `getSignaturesForAddress` tells them: each with its length in bytes, joined by semicolons. */
export function transactionMemo(message: ParsedMessage): string | null {
  const memos = message.instructions.flatMap(({ programIdIndex, data }) =>
    memoPrograms.has(message.accountKeys[programIdIndex] ?? '')
      ? [`[${String(data.length)}] ${Buffer.from(data).toString('utf8')}`]
      : [],
  );
  return memos.length === 0 ? null : memos.join('; ');
}

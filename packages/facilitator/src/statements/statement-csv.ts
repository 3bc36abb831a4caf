import { csvCell } from './csv-cell.js';
import { createRunningMoney } from './running-money.js';
import { nothing } from './wallet-accounts.js';
import type { AssetMoney, WalletStatement } from './wallet-statements.js';

const columns = [
  'line',
  'at',
  'journal',
  'leg',
  'type',
  'reference',
  'network',
  'asset',
  'pending_change',
  'available_change',
  'pending',
  'available',
];

/**
 * A statement as CSV: opening and closing lines for each asset around its entries. Amounts are minor units.
 * @param nameJournal names the journals for whoever reads the statement
 */
export async function* statementAsCsv(
  statement: WalletStatement,
  nameJournal: (journalId: bigint) => string,
): AsyncGenerator<string> {
  const money = createRunningMoney(statement.opening);
  yield row(columns) + statement.opening.map((line) => edge('opening', statement.from, line)).join('');
  for await (const entries of statement.pages) {
    let text = '';
    for (const entry of entries) {
      const { asset, change, leg, type, reference } = entry;
      const journal = nameJournal(entry.journalId);
      const after = money.take(entry);
      const what = ['entry', entry.postedAt, journal, String(leg), type, reference, asset.network, asset.token];
      text += row([...what, ...amounts(change), ...amounts(after)]);
    }
    yield text;
  }
  yield money
    .closing()
    .map((line) => edge('closing', statement.to, line))
    .join('');
}

function edge(line: 'opening' | 'closing', at: string, money: AssetMoney): string {
  const { network, token } = money.asset;
  return row([line, at, '', '', '', '', network, token, ...amounts(nothing), ...amounts(money)]);
}

function amounts(money: { readonly pending: bigint; readonly available: bigint }): string[] {
  return [money.pending.toString(), money.available.toString()];
}

function row(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

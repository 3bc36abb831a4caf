import { createRunningMoney } from './running-money.js';
import type { StatementEntry } from './statement-entry.js';
import type { WalletMoney } from './wallet-accounts.js';
import type { AssetMoney, WalletStatement } from './wallet-statements.js';

/**
 * A statement as one JSON object whose entries are written as they are read. Amounts are minor units in decimal.
 * @param parts.nameJournal names the journals for whoever reads the statement
 */
export async function* statementAsJson(
  statement: WalletStatement,
  parts: { readonly walletId: string; readonly nameJournal: (journalId: bigint) => string },
): AsyncGenerator<string> {
  const { walletId, nameJournal } = parts;
  const { from, to, opening } = statement;
  const money = createRunningMoney(opening);
  const head = JSON.stringify({ walletId, from, to, opening: opening.map(lineOf) }).slice(0, -1);
  yield `${head},"entries":[`;
  let separator = '';
  for await (const entries of statement.pages) {
    let text = '';
    for (const entry of entries) {
      text += separator + JSON.stringify({ ...entryAnswer(entry, nameJournal), balance: amounts(money.take(entry)) });
      separator = ',\n';
    }
    yield text;
  }
  yield `],"closing":${JSON.stringify(money.closing().map(lineOf))}}\n`;
}

/** An entry as it leaves the service. */
export function entryAnswer(entry: StatementEntry, nameJournal: (journalId: bigint) => string) {
  const { postedAt, journalId, leg, type, reference, asset, change } = entry;
  return {
    ...{ postedAt, journal: nameJournal(journalId), leg, type, reference },
    ...{ network: asset.network, asset: asset.token, change: amounts(change) },
  };
}

function lineOf(line: AssetMoney) {
  return { network: line.asset.network, asset: line.asset.token, ...amounts(line) };
}

function amounts({ pending, available }: WalletMoney) {
  return { pending: pending.toString(), available: available.toString() };
}

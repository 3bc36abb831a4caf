import type { Asset } from '@tollkeeper/protocol';
import { createRunningMoney } from './running-money.js';
import type { AssetMoney, WalletStatement } from './wallet-statements.js';

/** A statement for people, line by line. `format` writes an amount with its unit. */
export async function* statementAsText(
  statement: WalletStatement,
  format: (asset: Asset, minorUnits: bigint) => string,
): AsyncGenerator<string> {
  const money = createRunningMoney(statement.opening);
  const edge = (word: string, moment: string) => (line: AssetMoney) =>
    `${moment.slice(0, 19)}  ${word.padEnd(18)}  ${amounts(line)}  ${line.asset.network}\n`;
  const amounts = ({ asset, pending, available }: AssetMoney) =>
    `${format(asset, pending)} pending, ${format(asset, available)} available`;

  yield statement.opening.map(edge('opening', statement.from)).join('');
  for await (const entries of statement.pages) {
    let text = '';
    for (const entry of entries) {
      money.take(entry);
      const change = amounts({ asset: entry.asset, ...entry.change });
      text += `${entry.postedAt.slice(0, 19)}  ${entry.type.padEnd(18)}  ${change}  ${entry.reference}\n`;
    }
    yield text;
  }
  yield money.closing().map(edge('closing', statement.to)).join('');
}

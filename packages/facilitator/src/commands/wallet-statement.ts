import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Option, type Command } from 'commander';
import type { Config } from '../config/config.js';
import { statementAsCsv } from '../statements/statement-csv.js';
import { statementAsJson } from '../statements/statement-json.js';
import { statementAsText } from '../statements/statement-text.js';
import { findWalletAccounts } from '../statements/wallet-accounts.js';
import type { WalletStatement } from '../statements/wallet-statements.js';
import { formatAmount } from './format-amount.js';
import { idFrom } from './read-id.js';
import { readMoment } from './read-moment.js';
import { withWallets } from './with-wallets.js';

interface Options {
  readonly from: Date;
  readonly to?: Date;
  readonly csv?: true;
  readonly json?: true;
}

const beginning = new Date('2000-01-01T00:00:00Z');

/** `tollkeeper wallets statement`: every movement of a wallet's money, written as it is read. */
export function addStatementCommand(wallets: Command, config: () => Config): void {
  wallets
    .command('statement')
    .description('print what a wallet had, every movement, and what it has')
    .argument('<wallet>', 'the id of the wallet', idFrom('tollkeeper wallets list'))
    .option('--from <time>', 'where the period begins; at the first movement unless stated', readMoment, beginning)
    .option('--to <time>', 'where the period ends, itself not included; now unless stated', readMoment)
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  tollkeeper wallets statement 019b0000-0000-7000-8000-000000000000 \\\n' +
        '    --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --csv > november.csv',
    )
    .action(async (id: string, options: Options) => {
      await withWallets(config(), async ({ wallets: all, statements, database }) => {
        const wallet = await all.find(id);
        const period = { from: options.from, to: options.to };
        const statement = await statements.open(() => findWalletAccounts(database.sql, wallet), period);
        await pipeline(Readable.from(textOf(wallet.id, statement, options)), process.stdout, { end: false });
      });
    });
}

function textOf(walletId: string, statement: WalletStatement, { csv, json }: Options): AsyncGenerator<string> {
  // Operators know journals by their numbers.
  const nameJournal = String;
  if (csv) return statementAsCsv(statement, nameJournal);
  return json ? statementAsJson(statement, { walletId, nameJournal }) : statementAsText(statement, formatAmount);
}

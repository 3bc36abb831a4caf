import type { Command } from 'commander';
import type { Config } from '../config/config.js';
import type { WalletBalance } from '../custody/wallet-balances.js';
import type { Wallet } from '../custody/wallet-rows.js';
import { formatAmount } from './format-amount.js';
import { print, printJson, printTable } from './output.js';
import { idFrom } from './read-id.js';
import { readName } from './tenants.js';
import { addLimitsCommand } from './wallet-limits.js';
import { addStatementCommand } from './wallet-statement.js';
import { withWallets } from './with-wallets.js';

interface Output {
  readonly json?: true;
}

/** `tollkeeper wallets`: what merchants do by the API under `/v1/wallets`, for the operator. */
export function addWalletCommands(program: Command, config: () => Config): void {
  const wallets = program
    .command('wallets')
    .description('merchants’ wallets and what they hold')
    .addHelpText('after', '\nExample:\n  tollkeeper wallets create --merchant acme --name main');

  wallets
    .command('create')
    .description('create a wallet with a deposit address on every configured network')
    .requiredOption('--merchant <name>', 'the merchant; created on first use', readName)
    .requiredOption('--name <name>', 'the name of the wallet, unique for the merchant', readName)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  tollkeeper wallets create --merchant acme --name main')
    .action(async ({ merchant, name, json }: Output & { merchant: string; name: string }) => {
      await withWallets(config(), async ({ wallets: all }) => {
        showWallet(await all.create({ merchant, name }), json);
      });
    });

  wallets
    .command('prepare')
    .description('give a wallet the addresses and token accounts that it lacks, for example on a new network')
    .argument('<wallet>', 'the id of the wallet', idFrom('tollkeeper wallets list'))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  tollkeeper wallets prepare 019b0000-0000-7000-8000-000000000000')
    .action(async (id: string, { json }: Output) => {
      await withWallets(config(), async ({ wallets: all }) => {
        showWallet(await all.prepare(id), json);
      });
    });

  wallets
    .command('list')
    .description('list all wallets')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  tollkeeper wallets list --json')
    .action(async ({ json }: Output) => {
      await withWallets(config(), async ({ wallets: all }) => {
        const found = await all.list();
        if (json) printJson(found);
        else printTable([['WALLET', 'MERCHANT', 'NAME'], ...found.map((each) => [each.id, each.merchant, each.name])]);
      });
    });

  wallets
    .command('balance')
    .description('show what a wallet holds, by asset')
    .argument('<wallet>', 'the id of the wallet', idFrom('tollkeeper wallets list'))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  tollkeeper wallets balance 019b0000-0000-7000-8000-000000000000')
    .action(async (id: string, { json }: Output) => {
      await withWallets(config(), async ({ wallets: all }) => {
        const lines = await all.balances(id);
        if (json) printJson(lines);
        else showBalances(lines);
      });
    });

  addStatementCommand(wallets, config);
  addLimitsCommand(wallets, config);
}

function showBalances(lines: readonly WalletBalance[]): void {
  if (lines.length === 0) {
    print('This wallet has not received anything yet.');
    return;
  }
  const rows = lines.map(({ network, asset, pending, available, held }) => {
    const format = (minorUnits: bigint) => formatAmount({ network, token: asset }, minorUnits);
    return [network, format(pending), format(available), format(held)];
  });
  printTable([['NETWORK', 'PENDING', 'AVAILABLE', 'HELD'], ...rows]);
}

function showWallet(wallet: Wallet, json: true | undefined): void {
  if (json) {
    printJson(wallet);
    return;
  }
  print(`Wallet ${wallet.id} (${wallet.merchant} / ${wallet.name})`);
  for (const { network, address, ready } of wallet.addresses) {
    print(`  ${network}  ${address}${ready ? '' : '  (not ready yet)'}`);
  }
  if (wallet.closedAt !== null) print(`  closed since ${wallet.closedAt.toISOString()}`);
  if (wallet.addresses.length === 0)
    print('  no address yet: configure a network and run `tollkeeper wallets prepare`');
}

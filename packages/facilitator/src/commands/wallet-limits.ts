import { InvalidArgumentError, type Command } from 'commander';
import type { Config } from '../config/config.js';
import { print, printJson } from './output.js';
import { withWallets } from './with-wallets.js';

interface Options {
  readonly merchant: string;
  readonly wallets?: number;
  readonly payoutWaitHours?: number;
  readonly json?: true;
}

/** `tollkeeper wallets limits`: how many wallets a merchant may make, and how long its new payout addresses wait. */
export function addLimitsCommand(wallets: Command, config: () => Config): void {
  wallets
    .command('limits')
    .description('show or set what a merchant may')
    .requiredOption('--merchant <name>', 'the merchant')
    .option('--wallets <count>', 'how many wallets it may ever make', readWhole)
    .option('--payout-wait-hours <hours>', 'how long a new payout address waits before its first use', readWhole)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  tollkeeper wallets limits --merchant acme --wallets 500')
    .action(async ({ merchant, wallets: walletQuota, payoutWaitHours, json }: Options) => {
      await withWallets(config(), async ({ fees }) => {
        const limits = await fees.setLimits(merchant, {
          ...(walletQuota === undefined ? {} : { walletQuota }),
          ...(payoutWaitHours === undefined ? {} : { payoutWaitHours }),
        });
        if (json) printJson(limits);
        else print(`${limits.walletQuota} wallets, payout addresses wait ${limits.payoutWaitHours} hours`);
      });
    });
}

function readWhole(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('a whole number');
  return Number(text);
}

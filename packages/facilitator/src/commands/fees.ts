import { parseAmount, type Asset } from '@tollkeeper/protocol';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Config } from '../config/config.js';
import type { OwedReward } from '../fees/fee-administration.js';
import type { FeeTerms } from '../fees/fee-terms.js';
import { findAsset } from './find-asset.js';
import { formatAmount } from './format-amount.js';
import { print, printJson, printTable } from './output.js';
import { readMoment } from './read-moment.js';
import { readNetwork } from './read-network.js';
import { formatMoment, withJson } from './tenants.js';
import { withWallets } from './with-wallets.js';

interface SetOptions {
  readonly merchant: string;
  readonly network: Asset['network'];
  readonly asset: string;
  readonly bps: bigint;
  readonly fixed: bigint;
  readonly from?: Date;
  readonly json?: true;
}

/** `tollkeeper fees`: what merchants pay, who brought them, and what they may. */
export function addFeeCommands(program: Command, config: () => Config): void {
  const fees = program
    .command('fees')
    .description('what merchants pay, and who brought them')
    .addHelpText('after', '\nExample:\n  tollkeeper fees list --merchant acme');
  addSet(fees, config);

  withJson(fees.command('list').description('list the terms of a merchant, the newest first'))
    .requiredOption('--merchant <name>', 'the merchant')
    .addHelpText('after', '\nExample:\n  tollkeeper fees list --merchant acme')
    .action(async ({ merchant, json }: { merchant: string; json?: true }) => {
      await withWallets(config(), async ({ fees: administration }) => {
        const terms = await administration.terms(merchant);
        if (json) printJson(terms);
        else showTerms(terms);
      });
    });

  withJson(fees.command('refer').description('name who brought a merchant, once and for all'))
    .requiredOption('--merchant <name>', 'the merchant')
    .requiredOption('--referrer <name>', 'the merchant that brought it')
    .requiredOption('--share-bps <bps>', 'its share of the fees, in basis points', readBps)
    .addHelpText('after', '\nExample:\n  tollkeeper fees refer --merchant acme --referrer partner --share-bps 2000')
    .action(async (options: { merchant: string; referrer: string; shareBps: bigint; json?: true }) => {
      await withWallets(config(), async ({ fees: administration }) => {
        const { json, ...referral } = options;
        await administration.refer(referral);
        if (json) printJson(referral);
        else print(`${referral.referrer} gets ${referral.shareBps} basis points of the fees of ${referral.merchant}`);
      });
    });

  withJson(fees.command('owed').description('show what a merchant has earned by bringing others'))
    .requiredOption('--merchant <name>', 'the merchant that brought them')
    .addHelpText('after', '\nExample:\n  tollkeeper fees owed --merchant partner')
    .action(async ({ merchant, json }: { merchant: string; json?: true }) => {
      await withWallets(config(), async ({ fees: administration }) => {
        const rewards = await administration.owed(merchant);
        if (json) printJson(rewards);
        else showRewards(rewards);
      });
    });
}

function addSet(fees: Command, config: () => Config): void {
  withJson(
    fees.command('set').description('set what payments in an asset cost a merchant, from now or a later time on'),
  )
    .requiredOption('--merchant <name>', 'the merchant')
    .requiredOption('--network <id>', 'the network of the asset', readNetwork)
    .requiredOption('--asset <token>', 'the address of the token')
    .addOption(new Option('--bps <bps>', 'basis points of each payment').argParser(readBps).default(0n, '0'))
    .addOption(new Option('--fixed <units>', 'minor units of each payment').argParser(readUnits).default(0n, '0'))
    .option('--from <time>', 'when they begin, for example 2027-01-01T00:00:00Z; now unless stated', readMoment)
    .addHelpText(
      'after',
      '\nExample:\n  tollkeeper fees set --merchant acme --network eip155:84532 \\\n' +
        '    --asset 0x036CbD53842c5426634e7929541eC2318f3dCF7e --bps 100 --fixed 5',
    )
    .action(async ({ merchant, network, asset: token, bps, fixed, from, json }: SetOptions) => {
      await withWallets(config(), async ({ fees: administration, ...known }) => {
        const asset = await findAsset(known, { network, token });
        const terms = await administration.setTerms({ merchant, asset, rate: { bps, fixed }, from });
        if (json) printJson(terms);
        else showTerms([terms]);
      });
    });
}

function showRewards(rewards: readonly OwedReward[]): void {
  if (rewards.length === 0) print('Nothing is owed.');
  else printTable([['NETWORK', 'OWED'], ...rewards.map((each) => [each.network, formatAmount(each, each.amount)])]);
}

function showTerms(terms: readonly FeeTerms[]): void {
  const rows = terms.map(({ asset, bps, fixed, effectiveFrom }) => [
    formatMoment(effectiveFrom),
    asset.network,
    asset.token,
    bps.toString(),
    formatAmount(asset, fixed),
  ]);
  printTable([['FROM', 'NETWORK', 'ASSET', 'BPS', 'FIXED'], ...rows]);
}

function readBps(text: string): bigint {
  const bps = parseAmount(text);
  if (bps === undefined || bps > 10_000n) throw new InvalidArgumentError('basis points, 0 to 10000');
  return bps;
}

function readUnits(text: string): bigint {
  const units = parseAmount(text);
  if (units === undefined) throw new InvalidArgumentError('minor units in decimal');
  return units;
}

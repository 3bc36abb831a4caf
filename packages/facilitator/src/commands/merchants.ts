import type { Command } from 'commander';
import type { Config } from '../config/config.js';
import { print, printJson, printTable } from './output.js';
import { formatMoment, readName, withJson, withTenants } from './tenants.js';

interface Output {
  readonly json?: true;
}

/** `tollkeeper merchants`: the tenants, which no endpoint can make. */
export function addMerchantCommands(program: Command, config: () => Config): void {
  const merchants = program
    .command('merchants')
    .description('the tenants of this facilitator')
    .addHelpText('after', '\nExample:\n  tollkeeper merchants create acme');

  withJson(merchants.command('create').description('create a merchant').argument('<name>', 'unique', readName))
    .addHelpText('after', '\nExample:\n  tollkeeper merchants create acme')
    .action(async (name: string, { json }: Output) => {
      await withTenants(config(), async ({ tenants }) => {
        const merchant = await tenants.createMerchant(name);
        if (json) printJson(merchant);
        else print(`Merchant ${merchant.id} (${merchant.name})`);
      });
    });

  withJson(merchants.command('list').description('list all merchants'))
    .addHelpText('after', '\nExample:\n  tollkeeper merchants list --json')
    .action(async ({ json }: Output) => {
      await withTenants(config(), async ({ tenants }) => {
        const found = await tenants.merchants();
        if (json) printJson(found);
        else {
          const rows = found.map(({ id, name, createdAt }) => [id, name, formatMoment(createdAt)]);
          printTable([['MERCHANT', 'NAME', 'CREATED'], ...rows]);
        }
      });
    });
}

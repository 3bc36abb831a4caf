import { isFault } from '@tollkeeper/protocol';
import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import type { Config } from '../config/config.js';
import type { ApiKey } from '../tenancy/api-keys.js';
import { permissions, type Permission } from '../tenancy/permissions.js';
import { print, printError, printJson, printTable } from './output.js';
import { idFrom } from './read-id.js';
import { readMoment } from './read-moment.js';
import { formatMoment, readName, withJson, withTenants } from './tenants.js';

interface CreateOptions {
  readonly merchant: string;
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly expires?: Date;
  readonly secretOnly?: true;
  readonly json?: true;
}

/** `tollkeeper keys`: how a merchant gets its first key. */
export function addKeyCommands(program: Command, config: () => Config): void {
  const keys = program
    .command('keys')
    .description('merchants’ API keys')
    .addHelpText(
      'after',
      '\nExample:\n  tollkeeper keys create --merchant acme --name server --permissions read,write',
    );
  addCreate(keys, config);

  withJson(keys.command('list').description('list the keys of a merchant, revoked ones included'))
    .requiredOption('--merchant <name>', 'the merchant')
    .addHelpText('after', '\nExample:\n  tollkeeper keys list --merchant acme')
    .action(async ({ merchant, json }: { merchant: string; json?: true }) => {
      await withTenants(config(), async ({ tenants }) => {
        const found = await tenants.keys(merchant);
        if (json) printJson(found);
        else showKeys(found);
      });
    });

  withJson(keys.command('revoke').description('revoke a key, at once and for good'))
    .argument('<key>', 'the id of the key', idFrom('tollkeeper keys list'))
    .addHelpText('after', '\nExample:\n  tollkeeper keys revoke 019b0000-0000-7000-8000-000000000000')
    .action(async (id: string, { json }: { json?: true }) => {
      await withTenants(config(), async ({ tenants }) => {
        const revoked = await tenants.revokeKey(id);
        if (json) printJson(revoked);
        else print(`Revoked ${revoked.prefix}… (${revoked.name})`);
      });
    });
}

function addCreate(keys: Command, config: () => Config): void {
  withJson(keys.command('create').description('create a key and show it, this once'))
    .requiredOption('--merchant <name>', 'the merchant')
    .requiredOption('--name <name>', 'what the key is for', readName)
    .option('--permissions <list>', `any of ${permissions.join(',')}`, readPermissions, permissions)
    .option(
      '--expires <time>',
      'when it stops working, for example 2027-01-01T00:00:00Z; never unless stated',
      readMoment,
    )
    .option('--secret-only', 'print nothing but the key')
    .addHelpText('after', '\nExample:\n  tollkeeper keys create --merchant acme --name server --permissions read,write')
    .action(async (options: CreateOptions) => {
      await withTenants(config(), async ({ tenants }) => {
        const { merchant, name, permissions: allowed, expires } = options;
        const wanted = { merchant, name, permissions: allowed, expiresAt: expires ?? null };
        const key = await tenants.createKey(wanted).catch((error: unknown) => {
          // The database's clock says what lies in the future, so that this is known no sooner.
          if (!isFault(error, 'REQUEST_MALFORMED')) throw error;
          throw new InvalidArgumentError('--expires must lie in the future');
        });
        if (options.json) printJson(key);
        else print(key.secret);
        if (options.json || options.secretOnly) return;
        printError(`Key ${key.id} (${merchant} / ${name}): ${key.permissions.join(', ')}`);
        printError('Keep it now: only its hash is stored, and nobody can show it again.');
      });
    });
}

function showKeys(keys: readonly ApiKey[]): void {
  const rows = keys.map((key) => [
    key.id,
    `${key.prefix}…`,
    key.name,
    key.permissions.join(','),
    formatMoment(key.lastUsedAt),
    key.revokedAt === null ? formatMoment(key.expiresAt) : `revoked ${formatMoment(key.revokedAt)}`,
  ]);
  printTable([['KEY', 'PREFIX', 'NAME', 'PERMISSIONS', 'LAST USED', 'ENDS'], ...rows]);
}

function readPermissions(text: string): readonly Permission[] {
  const parsed = z
    .array(z.enum(permissions))
    .min(1)
    .safeParse(text.split(',').map((each) => each.trim()));
  if (!parsed.success) throw new InvalidArgumentError(`any of ${permissions.join(', ')}, with commas between`);
  return [...new Set(parsed.data)];
}

#!/usr/bin/env node
import { isFault } from '@tollkeeper/protocol';
import { Command } from 'commander';
import { addAuditCommands } from './commands/audit.js';
import { addKeyCommands } from './commands/keys.js';
import { addMerchantCommands } from './commands/merchants.js';
import { runMigrations } from './commands/migrate.js';
import { printError } from './commands/output.js';
import { serve } from './commands/serve.js';
import { addWalletCommands } from './commands/wallets.js';
import { describeProblems, readConfig, type Config } from './config/config.js';
import { processEnvironment } from './config/process-environment.js';

/** Exit codes: 1 for trouble while running, 2 for a wrong configuration or command line. */
const program = new Command('tollkeeper')
  .description('A payment facilitator for HTTP 402 (x402) that keeps the books')
  .addHelpText('after', '\nEvery setting comes from the environment; .env.example lists them all.')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

program
  .command('serve')
  .description('run the facilitator until it is told to stop')
  .addHelpText('after', '\nExample:\n  ENVIRONMENT=development tollkeeper serve')
  .action(() => serve(configuration()));

program
  .command('migrate')
  .description('bring the database up to date, as its owner (DATABASE_OWNER_URL)')
  .addHelpText('after', '\nExample:\n  DATABASE_OWNER_URL=postgresql://owner@localhost/tollkeeper tollkeeper migrate')
  .action(() => runMigrations(configuration()));

addMerchantCommands(program, configuration);
addKeyCommands(program, configuration);
addWalletCommands(program, configuration);
addAuditCommands(program, configuration);

try {
  await program.parseAsync();
} catch (error) {
  printError(describe(error));
  process.exit(1);
}

function configuration(): Config {
  const result = readConfig(processEnvironment());
  if (result.ok) return result.config;
  printError(describeProblems(result.problems));
  process.exit(2);
}

/** One line that says what happened and what the facts are; the facts of a fault never hold a secret. */
function describe(error: unknown): string {
  if (isFault(error)) {
    const facts = Object.entries(error.facts).map(([name, value]) => `${name}: ${String(value)}`);
    return `tollkeeper: ${error.message}${facts.length === 0 ? '' : ` (${facts.join(', ')})`} [${error.code}]`;
  }
  const { code, port } = error as { code?: string; port?: number };
  if (code === 'EADDRINUSE') return `tollkeeper: port ${port ?? ''} is taken; set PORT to another one`;
  return `tollkeeper: ${error instanceof Error ? error.message : String(error)}`;
}

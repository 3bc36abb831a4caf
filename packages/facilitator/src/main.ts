#!/usr/bin/env node
import { Command } from 'commander';
import { addAuditCommands } from './commands/audit.js';
import { describeError } from './commands/describe-error.js';
import { exitCodeOf, exitCodes, exitCodesHelp } from './commands/exit-codes.js';
import { addFeeCommands } from './commands/fees.js';
import { addKeyCommands } from './commands/keys.js';
import { addMerchantCommands } from './commands/merchants.js';
import { runMigrations } from './commands/migrate.js';
import { addOperationCommands } from './commands/operations.js';
import { printError } from './commands/output.js';
import { serve } from './commands/serve.js';
import { addWalletCommands } from './commands/wallets.js';
import { describeProblems, readConfig, type Config } from './config/config.js';
import { processEnvironment } from './config/process-environment.js';

const program = new Command('tollkeeper')
  .description('A payment facilitator for HTTP 402 (x402) that keeps the books')
  .addHelpText('after', '\nEvery setting comes from the environment; .env.example lists them all.')
  .addHelpText('after', '\nExample:\n  tollkeeper keys create --help')
  .addHelpText('after', exitCodesHelp)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage));

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
addFeeCommands(program, configuration);
addAuditCommands(program, configuration);
addOperationCommands(program, configuration);

try {
  await program.parseAsync();
} catch (error) {
  printError(describeError(error));
  process.exit(exitCodeOf(error));
}

function configuration(): Config {
  const result = readConfig(processEnvironment());
  if (result.ok) return result.config;
  printError(describeProblems(result.problems));
  process.exit(exitCodes.usage);
}

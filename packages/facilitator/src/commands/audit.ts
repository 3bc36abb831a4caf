import { readFile } from 'node:fs/promises';
import { Fault } from '@tollkeeper/protocol';
import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { verifyAudit, type ChainReport } from '../audit/verify-audit.js';
import type { Config } from '../config/config.js';
import { printJson, printTable } from './output.js';
import { withJson, withTenants } from './tenants.js';

/** What an earlier `--json` noted of the chains. */
const Noted = z.array(z.object({ chain: z.uuid(), entries: z.string().regex(/^\d+$/), head: z.string() }));

/** `tollkeeper audit`: whether what was done is still told as it was. */
export function addAuditCommands(program: Command, config: () => Config): void {
  const audit = program
    .command('audit')
    .description('what was done, by whom')
    .addHelpText('after', '\nExample:\n  tollkeeper audit verify');
  withJson(audit.command('verify').description('follow every chain of entries and name the first that was altered'))
    .option(
      '--noted <file>',
      'what an earlier --json printed, kept where nobody who can alter the database can alter it',
    )
    .addHelpText(
      'after',
      '\nExample:\n  tollkeeper audit verify --json > audit-today.json\n  tollkeeper audit verify --noted audit-today.json',
    )
    .action(async ({ json, noted }: { json?: true; noted?: string }) => {
      const expected = noted === undefined ? undefined : await readNoted(noted);
      await withTenants(config(), async ({ database }) => {
        const reports = await verifyAudit(database, expected);
        if (json) printJson(reports);
        else showReports(reports);
        const broken = reports.find((report) => report.broken !== null);
        if (broken?.broken) {
          throw new Fault('AUDIT_CHAIN_BROKEN', { chain: broken.merchant ?? broken.chain, ...broken.broken });
        }
      });
    });
}

async function readNoted(file: string): Promise<ReadonlyMap<string, { sequence: bigint; hash: string }>> {
  const parsed = Noted.safeParse(parseJson(await readText(file)));
  if (!parsed.success) {
    throw new InvalidArgumentError(`${file} is not what \`tollkeeper audit verify --json\` printed`);
  }
  return new Map(parsed.data.map(({ chain, entries, head }) => [chain, { sequence: BigInt(entries), hash: head }]));
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw new InvalidArgumentError(`${file} cannot be read`);
  }
}

/** Undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function showReports(reports: readonly ChainReport[]): void {
  const rows = reports.map(({ merchant, entries, head, broken }) => [
    merchant ?? '(operator)',
    entries.toString(),
    broken === null ? 'whole' : `entry ${broken.sequence}: ${broken.problem}`,
    head,
  ]);
  printTable([['CHAIN', 'ENTRIES', 'STATE', 'HEAD'], ...rows]);
}

import { InvalidArgumentError, type Command } from 'commander';
import type { Operations } from '../compose-operations.js';
import type { Config } from '../config/config.js';
import { nameOfControl, type ActiveControl, type Control } from '../controls/control.js';
import { pastReconciliations } from '../reconciliation/reconciliation-history.js';
import { findControl, type ControlTarget } from './control-target.js';
import { print, printJson, printTable } from './output.js';
import { withOperations } from './with-operations.js';

interface Output {
  readonly json?: true;
}

const kinds: readonly Control['kind'][] = ['settlement', 'merchant', 'asset', 'outflows'];

const targets = `
What:
  settlement                   every payment
  merchant <name>              payments to the addresses of one merchant
  asset <network> <token>      payments in one token
  outflows <network> <token>   withdrawals of one token, which a reconciliation freezes too`;

/** `tollkeeper pause`, `resume` and `status`. What is signed already is finished, whatever is paused. */
export function addControlCommands(program: Command, config: () => Config): void {
  addTarget(program.command('pause').description('stop something in every process, within a second'))
    .requiredOption('--reason <text>', 'why; it is kept in the audit and shown by `status`')
    .addHelpText(
      'after',
      `${targets}\n\nExamples:\n  tollkeeper pause settlement --reason 'node upgrade'\n  tollkeeper pause merchant acme --reason 'chargebacks'`,
    )
    .action(async (kind: Control['kind'], which: readonly string[], options: Output & { reason: string }) => {
      await withOperations(config(), async (operations) => {
        const control = await findControl(operations, targetOf(kind, which));
        const isNew = await operations.controls.stop(control, options.reason);
        show(control, { ...options, named: [kind, ...which].join(' '), changed: isNew, word: 'stopped' });
      });
    });

  addTarget(program.command('resume').description('let something run again, in every process, within a second'))
    .option('--reason <text>', 'why; it is kept in the audit', 'resumed by the operator')
    .addHelpText('after', `${targets}\n\nExample:\n  tollkeeper resume settlement --reason 'upgrade done'`)
    .action(async (kind: Control['kind'], which: readonly string[], options: Output & { reason: string }) => {
      await withOperations(config(), async (operations) => {
        const control = await findControl(operations, targetOf(kind, which));
        const wasStopped = await operations.controls.resume(control, options.reason);
        show(control, { ...options, named: [kind, ...which].join(' '), changed: wasStopped, word: 'running' });
      });
    });

  program
    .command('status')
    .description('show what is stopped, and what the last reconciliation found')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  tollkeeper status --json')
    .action(async (options: Output) => {
      await withOperations(config(), async (operations) => {
        await showStatus(operations, options);
      });
    });
}

function addTarget(command: Command): Command {
  return command
    .argument('<what>', kinds.join(', '), readKind)
    .argument('[which...]', 'the name of the merchant, or the network and the token')
    .option('--json', 'print JSON');
}

function readKind(text: string): Control['kind'] {
  const kind = kinds.find((each) => each === text);
  if (kind === undefined) throw new InvalidArgumentError(`one of ${kinds.join(', ')}`);
  return kind;
}

/** What the command line names; whether it exists is for the database to say. */
function targetOf(kind: Control['kind'], which: readonly string[]): ControlTarget {
  const [first, second] = which;
  if (kind === 'settlement' && which.length === 0) return { kind };
  if (kind === 'merchant' && first !== undefined && which.length === 1) return { kind, name: first };
  if ((kind === 'asset' || kind === 'outflows') && first !== undefined && second !== undefined && which.length === 2) {
    return { kind, network: first, token: second };
  }
  throw new InvalidArgumentError(`\`${[kind, ...which].join(' ')}\` names nothing that can be stopped${targets}`);
}

function show(
  control: Control,
  {
    json,
    named,
    changed,
    word,
  }: Output & {
    readonly named: string;
    readonly changed: boolean;
    readonly word: 'stopped' | 'running';
  },
): void {
  if (json) printJson({ control, state: word, changed });
  else if (changed) print(`${named}: ${word} in every process within a second`);
  else print(`${named}: was ${word} already, nothing changed`);
}

async function showStatus({ controls, database }: Operations, { json }: Output): Promise<void> {
  const stopped = await controls.list();
  const [last] = await pastReconciliations(database, 1);
  if (json) {
    printJson({ stopped, lastReconciliation: last ?? null });
    return;
  }
  if (stopped.length === 0) print('Nothing is stopped.');
  else {
    const merchants = await merchantNames(database);
    printTable([['STOPPED', 'BY', 'SINCE', 'REASON'], ...stopped.map((each) => toRow(each, merchants))]);
  }
  if (last === undefined) print('No reconciliation was made yet.');
  else {
    const when = last.finishedAt.toISOString();
    print(`The last reconciliation, number ${last.id} of ${when}: ${last.outcome}, ${last.differing} differences.`);
  }
}

/** The names of merchants that are stopped, by their ids. */
async function merchantNames({ sql }: Operations['database']): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ id: string; name: string }>`
    SELECT merchant.id, merchant.name FROM control JOIN merchant ON merchant.id = control.merchant_id`;
  return new Map(rows.map(({ id, name }) => [id, name]));
}

function toRow(
  { control, setBy, since, reason }: ActiveControl,
  merchants: ReadonlyMap<string, string>,
): readonly string[] {
  const merchant = control.kind === 'merchant' ? merchants.get(control.merchantId) : undefined;
  return [merchant === undefined ? nameOfControl(control) : `merchant ${merchant}`, setBy, since.toISOString(), reason];
}

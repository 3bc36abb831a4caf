import { Fault } from '@tollkeeper/protocol';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Config } from '../config/config.js';
import { listPayments, type ListedPayment } from '../payment/list-payments.js';
import { formatAmount } from './format-amount.js';
import { print, printJson, printTable } from './output.js';
import { idFrom } from './read-id.js';
import { readNetwork } from './read-network.js';
import { withOperations } from './with-operations.js';

interface ListOptions {
  readonly wallet?: string;
  readonly state?: string;
  readonly network?: string;
  readonly payer?: string;
  readonly limit: number;
  readonly json?: true;
}

/** `tollkeeper payments`: where payments stand, and the evidence. */
export function addPaymentCommands(program: Command, config: () => Config): void {
  const payments = program
    .command('payments')
    .description('payments of all merchants')
    .addHelpText('after', '\nExample:\n  tollkeeper payments list --state settled --limit 5');

  payments
    .command('list')
    .description('list payments, newest first')
    .option('--wallet <id>', 'those to the addresses of one wallet', idFrom('tollkeeper wallets list'))
    .addOption(
      new Option('--state <state>', 'those in one state').choices(['claimed', 'submitted', 'settled', 'failed']),
    )
    .option('--network <id>', 'those on one network, for example eip155:84532', readNetwork)
    .option('--payer <address>', 'those of one payer')
    .option('--limit <count>', 'at most so many', readLimit, 50)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  tollkeeper payments list --state settled --limit 10')
    .action(async (options: ListOptions) => {
      await withOperations(config(), async ({ database, canonicalAddress }) => {
        const payer = options.payer === undefined ? undefined : canonicalAddress(options.payer);
        const found = await listPayments(database, { ...options, payer });
        if (options.json) printJson(found);
        else showPayments(found);
      });
    });

  payments
    .command('show')
    .description('show one payment with what was sent for it and the evidence')
    .argument('<payment>', 'the id of the payment', idFrom('tollkeeper payments list'))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  tollkeeper payments show 019b0000-0000-7000-8000-000000000000')
    .action(async (id: string, { json }: { readonly json?: true }) => {
      await withOperations(config(), async ({ report }) => {
        const found = await report(id);
        if (found === undefined) throw new Fault('PAYMENT_NOT_FOUND', { paymentId: id });
        if (json) printJson(found);
        else printTable(Object.entries(found).flatMap(([name, value]) => fieldsOf(name, value)));
      });
    });
}

function showPayments(payments: readonly ListedPayment[]): void {
  if (payments.length === 0) {
    print('There are no such payments.');
    return;
  }
  const rows = payments.map(({ id, claimedAt, state, network, token, amount, payer, failureReason }) => [
    id,
    claimedAt.toISOString(),
    failureReason === null ? state : `${state} (${failureReason})`,
    network,
    formatAmount({ network, token }, amount),
    payer,
  ]);
  printTable([['PAYMENT', 'CLAIMED', 'STATE', 'NETWORK', 'AMOUNT', 'PAYER'], ...rows]);
}

/** One line for each value, named by its path. */
function fieldsOf(name: string, value: unknown): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null)
    return [[name, typeof value === 'string' ? value : JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, inner]) => fieldsOf(`${name}.${key}`, inner));
}

function readLimit(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 to 9999');
  return Number(text);
}

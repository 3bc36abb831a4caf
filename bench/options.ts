import { parseArgs } from 'node:util';

export const usage = `Usage: npm run bench [-- <group>... options]

Measures Tollkeeper beside the reference facilitator, on the same chain, under the same load, in turns.

Groups (all of them by default):
  verify   EIP-3009 verify, alone and at 64 concurrent
  settle   EIP-3009 settle, alone and many distinct payments at once, with automine and with 1 s blocks
  svm      Solana verify and settle at 64 concurrent
  all      everything of the above

npm run bench -- ledger measures the ledger alone and has options of its own: npm run bench -- ledger --help

Options:
  --rounds N      rounds of each scenario; the table shows medians (3)
  --payments N    distinct payments at once in the settle group (1000)
  --lanes LIST    signer accounts of Tollkeeper in that scenario (1,4)
  --seconds N     how long a verify phase lasts (3)
  --limit N       seconds the whole run may take; rounds that do not fit are left out (1200)
  --json FILE     also write the report as JSON
  --diagnose DIR  keep Tollkeeper's logs and V8 CPU profiles in this folder; slows it a little
  --help          show this`;

const groups = ['verify', 'settle', 'svm'] as const;

/** A family of scenarios that is run or left out together. */
export type Group = (typeof groups)[number];

export interface BenchOptions {
  readonly groups: readonly Group[];
  readonly rounds: number;
  /** Distinct payments that are sent at once. */
  readonly payments: number;
  /** How many signer accounts Tollkeeper has where many payments are settled at once; each number is measured. */
  readonly lanes: readonly number[];
  /** Length of a verify phase. */
  readonly seconds: number;
  /** Seconds that the whole run may take. */
  readonly limitSeconds: number;
  readonly jsonFile: string | undefined;
  /** Where logs and processor profiles of our facilitator are kept; undefined for none. */
  readonly diagnosticsDir: string | undefined;
}

/** Undefined where the user asked for help. @throws Error that says what is wrong with the command line. */
export function readOptions(args: readonly string[]): BenchOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '3' },
      payments: { type: 'string', default: '1000' },
      lanes: { type: 'string', default: '1,4' },
      seconds: { type: 'string', default: '3' },
      limit: { type: 'string', default: '1200' },
      json: { type: 'string' },
      diagnose: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const unknown = positionals.find((name) => name !== 'all' && !groups.includes(name as Group));
  if (unknown !== undefined)
    throw new Error(`"${unknown}" is no group of scenarios; there are all, ${groups.join(', ')}`);
  const isAll = positionals.length === 0 || positionals.includes('all');
  return {
    groups: isAll ? groups : groups.filter((group) => positionals.includes(group)),
    rounds: positive('rounds', values.rounds),
    payments: positive('payments', values.payments),
    lanes: values.lanes.split(',').map((text) => positive('lanes', text)),
    seconds: positive('seconds', values.seconds),
    limitSeconds: positive('limit', values.limit),
    jsonFile: values.json,
    diagnosticsDir: values.diagnose,
  };
}

function positive(name: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new Error(`--${name} takes whole numbers from 1 to 999999, not "${text}"`);
  return Number(text);
}

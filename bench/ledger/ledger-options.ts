import { parseArgs } from 'node:util';

export const ledgerUsage = `Usage: npm run bench -- ledger [options]

Measures the ledger on a PostgreSQL of its own with durable commits: settlement credits on a hot account beside the row-lock
baseline, what a posting costs as history grows, and how fast a statement streams.

Options:
  --rounds N     rounds of the settlement credits, in turns; the table shows medians (3)
  --seconds N    how long each contestant runs in a round (4)
  --callers N    how many callers credit at once (64)
  --transfers N  how far history grows, up to 1000000 (1000000)
  --json FILE    also write the report as JSON
  --help         show this`;

export interface LedgerOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly callers: number;
  /** How many transfers there are at the end of the history that postings are measured on. */
  readonly transfers: number;
  readonly jsonFile: string | undefined;
}

/** Undefined where the user asked for help. @throws Error that says what is wrong with the command line. */
export function readLedgerOptions(args: readonly string[]): LedgerOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '4' },
      callers: { type: 'string', default: '64' },
      transfers: { type: 'string', default: '1000000' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    callers: positive('callers', values.callers),
    transfers: positive('transfers', values.transfers),
    jsonFile: values.json,
  };
}

function positive(name: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text) || Number(text) > 1_000_000) {
    throw new Error(`--${name} takes whole numbers from 1 to 1000000, not "${text}"`);
  }
  return Number(text);
}

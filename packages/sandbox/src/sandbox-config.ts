import { resolve } from 'node:path';

/** What `npm start` takes from the environment and the command line. */
export interface SandboxConfig {
  readonly dataDir: string;
  readonly facilitatorPort: number;
  readonly merchantPort: number;
  readonly evmRpcPort: number;
  readonly svmRpcPort: number;
  /** Exit after the payments instead of serving on. */
  readonly once: boolean;
}

/** The environment of this process; the only place where the sandbox reads it. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/** What a child process needs of our environment beside its own variables. */
export function inheritedEnvironment(): Readonly<Record<string, string>> {
  const { PATH = '', HOME = '', WALLET_ENCRYPTION_KEY_NEXT: next = '' } = process.env;
  // The one setting that is tried out beside a sandbox; blank counts as absent.
  return { PATH, HOME, WALLET_ENCRYPTION_KEY_NEXT: next };
}

export const sandboxUsage = `Usage: npm start [-- --once]
       npm run sandbox -- pay <payTo> [<dollars>]
       npm run sandbox -- tollkeeper <command>

Starts a complete sandbox and pays once on each chain. It keeps running until Ctrl-C; with --once it exits after the
payments, with 0 only if every receipt, balance and account agrees. Beside a sandbox that runs, \`pay\` pays an address by
x402, and \`tollkeeper\` is the command of its facilitator.

Environment:
  PORT           port of the facilitator (4022)
  MERCHANT_PORT  port of the demo merchant (4021)
  EVM_RPC_PORT   port of the local EVM chain (8545)
  SVM_RPC_PORT   port of the local Solana chain (8899)
  DATA_DIR       folder that keeps the database and both chains (./data/sandbox); delete it to start anew`;

/** @throws Error with one line for each problem. */
export function readSandboxConfig(input: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly args: readonly string[];
}): SandboxConfig {
  const { env, args } = input;
  const unknown = args.filter((arg) => arg !== '--once');
  const problems = unknown.map((arg) => `${arg} is not an option; see npm start -- --help`);
  const port = (name: string, otherwise: number): number => {
    const text = env[name];
    if (text === undefined || text === '') return otherwise;
    if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536) return Number(text);
    problems.push(`${name} must be a port between 1 and 65535`);
    return otherwise;
  };
  const config = {
    dataDir: resolve(env['DATA_DIR'] ?? 'data/sandbox'),
    facilitatorPort: port('PORT', 4022),
    merchantPort: port('MERCHANT_PORT', 4021),
    evmRpcPort: port('EVM_RPC_PORT', 8545),
    svmRpcPort: port('SVM_RPC_PORT', 8899),
    once: args.includes('--once'),
  };
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return config;
}

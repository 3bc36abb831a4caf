import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { runTollkeeper, startTollkeeper, type TollkeeperProcess } from '../processes/tollkeeper.js';
import type { Workplace } from './testbed.js';

type Environment = Readonly<Record<string, string>>;

/** Creates a merchant's wallet and answers its deposit address: production settles to registered addresses only. */
export async function createPayee(workplace: Workplace, env: Environment): Promise<string> {
  const names = ['--merchant', 'bench', '--name', randomUUID()];
  const printed = await runTollkeeper(['wallets', 'create', ...names, '--json'], environmentOf(workplace, env));
  const { addresses } = JSON.parse(printed) as { addresses: readonly { address: string }[] };
  const [first] = addresses;
  if (first === undefined) throw new Error('The new wallet has no deposit address');
  return first.address;
}

/** Starts our facilitator in production mode, on the network that `env` names. */
export async function startOwnFacilitator(workplace: Workplace, env: Environment): Promise<TollkeeperProcess> {
  const { diagnosticsDir, folder } = workplace;
  return startTollkeeper({
    env: environmentOf(workplace, { ...env, DATABASE_URL: await workplace.copyDatabase() }),
    logFile: join(diagnosticsDir ?? folder, `tollkeeper-${randomUUID()}.log`),
    nodeFlags: diagnosticsDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', diagnosticsDir],
  });
}

function environmentOf(workplace: Workplace, env: Environment): Environment {
  return {
    ENVIRONMENT: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: workplace.databaseUrl,
    WALLET_ENCRYPTION_KEY: workplace.walletEncryptionKey,
    ...env,
  };
}

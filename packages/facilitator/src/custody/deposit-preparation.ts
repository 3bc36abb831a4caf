import { createBackgroundWork, type BackgroundWork } from '../background-work.js';
import type { Logger } from '../logging/logger.js';
import type { DepositAccounts } from './deposit-accounts.js';

const pollMs = 1_000;
const accountsAtOnce = 8;

/**
 * Makes new wallets able to receive, behind the requests that made them. Keeps nothing that a restart would need, and may run
 * in any number of processes at once.
 */
export function createDepositPreparation(parts: {
  readonly accounts: DepositAccounts;
  readonly log: Logger;
}): BackgroundWork {
  const { accounts, log } = parts;
  return createBackgroundWork(async () => ((await prepareSome()) === 0 ? pollMs : 0));

  async function prepareSome(): Promise<number> {
    try {
      const unready = await accounts.takeUnready(accountsAtOnce);
      await Promise.all(unready.map((account) => prepare(account)));
      return unready.length;
    } catch (error) {
      log.warn({ err: error }, 'new deposit addresses could not be looked for; it is tried again');
      return 0;
    }
  }

  /** What fails rests for a while, and holds up no other. */
  async function prepare(account: Parameters<DepositAccounts['prepare']>[0]): Promise<void> {
    try {
      await accounts.prepare(account);
    } catch (error) {
      const { network, address } = account;
      log.warn({ err: error, network, address }, 'a deposit address could not be made ready; it is tried again');
    }
  }
}

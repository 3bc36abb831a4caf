import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../logging/logger.js';
import type { DepositAccounts } from './deposit-accounts.js';

const pollMs = 1_000;
const accountsAtOnce = 8;

/** Makes new wallets able to receive, behind the requests that made them. */
export interface DepositPreparation {
  start(): void;
  /** Finishes what is under way. What is unfinished stays in the database. */
  stop(): Promise<void>;
}

/** Keeps nothing that a restart would need, and may run in any number of processes at once. */
export function createDepositPreparation(parts: {
  readonly accounts: DepositAccounts;
  readonly log: Logger;
}): DepositPreparation {
  const { accounts, log } = parts;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const prepared = await prepareSome();
      if (prepared === 0) await sleep(pollMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

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

import { isFault } from '@tollkeeper/protocol';
import { CommanderError } from 'commander';

/** What the command tells the shell. They are part of the interface: scripts branch on them. */
export const exitCodes = {
  ok: 0,
  /** It failed, or found what must not be: a difference, an altered entry. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was tried. */
  usage: 2,
  /** Nothing can be said: the database or a chain did not answer. */
  unchecked: 3,
} as const;

/** What the shell is told of an error. An outage is no finding: whoever watches for altered entries must not be woken by it. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return exitCodes.usage;
  const isOutage = isFault(error, 'DATABASE_UNAVAILABLE') || isFault(error, 'CHAIN_RPC_UNAVAILABLE');
  return isOutage ? exitCodes.unchecked : exitCodes.failed;
}

export const exitCodesHelp = `
Exit codes:
  0  done, and all is as it should be
  1  it failed, or found something wrong, such as a difference or an altered entry
  2  the command line or the configuration is wrong; nothing was tried
  3  could not be checked: the database or a chain did not answer`;

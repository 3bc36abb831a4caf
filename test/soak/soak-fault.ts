import type { EvmChain } from '@tollkeeper/sandbox';
import type { MortalDatabase } from '../support/mortal-database.js';
import type { SoakPayers } from './soak-load.js';
import type { SoakProcesses } from './soak-processes.js';

/** One thing that goes wrong for a while, and its name. Resolves when it is over. */
export type SoakFault = readonly [name: string, make: (parts: FaultParts) => Promise<void>];

/** What can go wrong, and chance. */
export interface FaultParts {
  readonly random: () => number;
  readonly evm: EvmChain;
  readonly processes: SoakProcesses;
  readonly payers: SoakPayers;
  /** The accounts whose transactions are ours. */
  readonly signers: readonly string[];
  readonly postgres: MortalDatabase;
  /** Whether there is time for what lasts half a minute. */
  readonly isLong: boolean;
}

import type { MortalDatabase } from '../support/mortal-database.js';
import type { SoakProcesses } from './soak-processes.js';

/** One thing that goes wrong for a while, and its name. Resolves when it is over. */
export type SoakFault = readonly [name: string, make: (parts: FaultParts) => Promise<void>];

/** What can go wrong on any network, and chance. */
export interface FaultParts {
  readonly random: () => number;
  readonly processes: SoakProcesses;
  readonly postgres: MortalDatabase;
  /** Whether there is time for what lasts half a minute. */
  readonly isLong: boolean;
}

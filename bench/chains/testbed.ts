import type { Contender, Subject } from '../subject.js';

/** When the EVM chain makes a block: at once for every transaction, or once a second. */
export type Mining = 'automine' | '1 s blocks';

/** What the chain says about a phase: every transaction of the subject, mined while it lasted. */
export interface ChainCost {
  readonly gasUsed: bigint;
  readonly transactions: number;
  /** Mined, paid for, and without effect. */
  readonly reverted: number;
  /** Transfers to the payee that these transactions made. */
  readonly transfers: number;
  /** From the first block after the watch began to the last that holds one of these transfers. */
  readonly blocks: number;
}

/** A local chain with funded buyers and a payee, on which facilitators are measured. */
export interface Testbed {
  /** Starts a facilitator on this chain, in a process of its own. */
  start(contender: Contender): Promise<Subject>;
  /** Signs distinct payments that this subject can settle, and answers them as request bodies. */
  sign(subject: Subject, count: number): Promise<readonly Buffer[]>;
  setMining(mining: Mining): Promise<void>;
  /** Lets so much time go by on the chain that whatever is mined is final. Nothing on a chain that becomes final by itself. */
  makeFinal(): Promise<void>;
  /** Begins to watch what the subject spends; the answer ends it. Undefined on a chain without gas. */
  watchSpending(subject: Subject): Promise<() => Promise<ChainCost | undefined>>;
  /** What the chain is, for the report. */
  readonly description: string;
  stop(): Promise<void>;
}

/** What our facilitator needs besides its chain. */
export interface Workplace {
  /** Where payees are created, before any facilitator starts. */
  readonly databaseUrl: string;
  /** A database with these payees for one facilitator: those that wait for their turn have no part in another's work. */
  readonly copyDatabase: () => Promise<string>;
  /** A folder for logs that is deleted at the end. */
  readonly folder: string;
  readonly walletEncryptionKey: string;
  /** Where logs and processor profiles of our facilitator are kept; undefined for none. */
  readonly diagnosticsDir: string | undefined;
}

/** Seconds that a signed payment is good for: blocks that are mined at once run ahead of the clock, a second each. */
export const maxTimeoutSeconds = 86_400;

import type { Transfer } from '../support/transfer.js';
import type { WireRequest } from '../support/wire.js';
import type { NodeUnderTest } from './node-under-test.js';
import type { SoakFault } from './soak-fault.js';

/** A kind of network as the simulation sees it: who pays on it, what goes wrong with it, and what is true on it. */
export interface NetworkUnderTest extends NodeUnderTest {
  /** Its CAIP-2 name. */
  readonly network: string;
  readonly faults: readonly SoakFault[];
  /** Lets a payer sign a payment. */
  readonly pay: (chance: Chance) => Promise<SoakPayment>;
  /** The transfers of payments that are on the chain. */
  readonly transfers: () => Promise<readonly Transfer[]>;
  /** Whether the block of a transaction was ever taken back. */
  readonly wasUndone: (transaction: string) => boolean;
  /** What is wrong by the rules of this kind of network alone, in words. */
  readonly problems: () => Promise<readonly string[]>;
  /** What happened of which kind, in words; rejects where it must not have happened. */
  readonly counts?: () => Promise<string>;
  /** What helps to understand a failed run. */
  readonly evidence: () => Promise<unknown>;
  /** Sets right what a fault may have left. */
  readonly heal: () => Promise<void>;
  /** Lets a moment pass on chain. */
  readonly moveOn: () => Promise<void>;
  /** Lets so much time pass on chain that everything on it is final. */
  readonly makeFinal: () => Promise<void>;
  readonly stop: () => void;
}

/** What decides about payments, and when the last one is made. */
export interface Chance {
  readonly random: () => number;
  readonly untilMs: number;
}

/** A payment as its payer signed it, and what the payer and its callers do. */
export interface SoakPayment {
  readonly request: WireRequest;
  /** What its payer signed; no two payments on a network have the same amount. */
  readonly signed: Omit<Transfer, 'transaction'>;
  /** Its callers ask once, and come back for the answer when all is over. */
  readonly isLeft: boolean;
  /** Whether it may have failed for good when a caller was told so. */
  readonly mayFail: (told: Told) => boolean;
  /** What the payer or a stranger does while it is settled. */
  readonly meddle: () => Promise<void>;
  /** The payer learns that it was served. */
  readonly onServed: () => void;
}

/** One final answer that a caller got. */
export interface Told {
  readonly url: string;
  readonly atMs: number;
  readonly success: boolean;
  readonly transaction: string;
  readonly errorReason: string | undefined;
}

import type { Mining } from '../chains/testbed.js';
import type { Contender } from '../subject.js';

/** One kind of load, under which every contender is measured in turn. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly family: 'evm' | 'svm';
  readonly endpoint: 'verify' | 'settle';
  readonly contenders: readonly Contender[];
  /** The one that ours is compared with. */
  readonly rival: Contender;
  readonly mining: Mining;
  readonly concurrency: number;
  /** Distinct payments of one phase at most. */
  readonly payments: number;
  /** Before the first round, and counted by nobody: so many payments, again and again until so many seconds have gone. */
  readonly warmUp: { readonly payments: number; readonly seconds: number };
  /**
   * Sent before each phase, and counted by nobody: a process that waited for its turn while others were measured, or while
   * payments were signed, is to be seen at work and not at waking up. No more payments and no longer than this.
   */
  readonly ramp: { readonly payments: number; readonly seconds: number };
  /** After this no further call is begun. */
  readonly stopAfterSeconds: number;
  /** After this whatever is unanswered counts as failed. */
  readonly giveUpAfterSeconds: number;
  /** Its part of the whole run's time, relative to the others. */
  readonly weight: number;
}

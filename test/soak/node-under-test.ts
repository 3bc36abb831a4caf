import type { RpcRule } from '@tollkeeper/sandbox';
import type { Family } from '../support/wire.js';

/** A node as the processes get to see it. */
export interface NodeUnderTest {
  readonly family: Family;
  /** A node that tells the truth. */
  readonly url: string;
  /** The variable of a facilitator that names its node. */
  readonly urlVariable: string;
  /** What the node of every process does all the time. */
  readonly habits: readonly RpcRule[];
}

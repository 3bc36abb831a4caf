export { type AccountKind, accountKinds, operatorOwner } from './chart-of-accounts.js';
export {
  type CommitOutcome,
  type Concluded,
  createGroupCommit,
  type Decision,
  type GroupCommit,
  type GroupCommitParts,
} from './group-commit.js';
export { type AccountBalance, createLedger, type Ledger, type TrialBalanceLine } from './ledger.js';
export type { AccountName, Leg, Posted, Posting } from './posting.js';
export {
  type AccountTotals,
  createStatementReader,
  type LegPosition,
  type StatementLeg,
  type StatementReader,
} from './statement.js';
export type { Moment } from './settled-moment.js';

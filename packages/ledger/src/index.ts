export { type AccountKind, accountKinds, operatorOwner } from './chart-of-accounts.js';
export type { Charge } from './charge-row.js';
export { type ChargeRequest, type Charges, createCharges, type RefundRequest } from './charges.js';
export { createExpirySweeper, type ExpirySweeper, type Swept } from './expiry-sweeper.js';
export {
  type CommitOutcome,
  type Concluded,
  createGroupCommit,
  type Decision,
  type GroupCommit,
  type GroupCommitParts,
} from './group-commit.js';
export { type Hold } from './hold-row.js';
export { type CaptureRequest, createHolds, type HoldRequest, type Holds } from './holds.js';
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
export type { WalletTransfer } from './wallet-transfer-row.js';
export {
  type ClaimRequest,
  createWalletTransfers,
  type TransferRequest,
  type WalletTransfers,
} from './wallet-transfers.js';

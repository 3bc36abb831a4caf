export { type AccountKind, accountKinds } from './chart-of-accounts.js';
export { type AccountBalance, createLedger, type Ledger, type TrialBalanceLine } from './ledger.js';
export type { AccountName, Leg, Posted, Posting } from './posting.js';

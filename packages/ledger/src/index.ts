export { type AccountKind, accountKinds } from './chart-of-accounts.js';
export {
  type AccountBalance,
  type AccountName,
  createLedger,
  type Leg,
  type Ledger,
  type Posted,
  type Posting,
  type TrialBalanceLine,
} from './ledger.js';

import { isCheckViolation } from '@tollkeeper/database';
import { Fault, type FaultCode, type FaultFacts, isFault } from '@tollkeeper/protocol';

/** The rules of the database that a caller's request may break, and what each means to that caller. */
const faultsByConstraint = {
  balance_not_overdrawn: 'BALANCE_INSUFFICIENT',
  account_not_closed: 'WALLET_CLOSED',
  wallet_open: 'WALLET_CLOSED',
  hold_not_exceeded: 'HOLD_EXCEEDED',
  hold_not_expired: 'HOLD_EXPIRED',
  wallet_transfer_not_to_itself: 'TRANSFER_TO_ITSELF',
  wallet_transfer_expiry: 'TRANSFER_EXPIRED',
  charge_not_to_itself: 'TRANSFER_TO_ITSELF',
  charge_not_exceeded: 'REFUND_EXCEEDS_CHARGE',
} as const satisfies Record<string, FaultCode>;

/** What a posting refuses, in the words of whoever owns the wallet. */
const faultsByPosting: Partial<Record<FaultCode, FaultCode>> = {
  LEDGER_ACCOUNT_OVERDRAWN: 'BALANCE_INSUFFICIENT',
  LEDGER_ACCOUNT_CLOSED: 'WALLET_CLOSED',
};

/** Runs one operation on wallets and says what a broken rule means; the caller's transaction is over after any error. */
export async function withWalletFaults<T>(facts: FaultFacts, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const code = codeFor(error);
    throw code === undefined ? error : new Fault(code, facts, { cause: error });
  }
}

function codeFor(error: unknown): FaultCode | undefined {
  if (isFault(error)) return faultsByPosting[error.code];
  return Object.entries(faultsByConstraint).find(([constraint]) => isCheckViolation(error, constraint))?.[1];
}

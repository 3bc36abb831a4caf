import { isCheckViolation } from '@tollkeeper/database';
import { Fault, type FaultFacts } from '@tollkeeper/protocol';

/** What a refusal by the database's rules about balances means to a caller; other errors stay what they are. */
export function postingFault(error: unknown, facts: FaultFacts): unknown {
  if (isCheckViolation(error, 'balance_not_overdrawn'))
    return new Fault('LEDGER_ACCOUNT_OVERDRAWN', facts, { cause: error });
  if (isCheckViolation(error, 'account_not_closed')) return new Fault('LEDGER_ACCOUNT_CLOSED', facts, { cause: error });
  return error;
}

import { isFault, type FaultCode } from '@tollkeeper/protocol';

/** What an operator does next about a fault, where its own sentence does not say so. */
const nextSteps: Partial<Record<FaultCode, string>> = {
  DATABASE_UNAVAILABLE: 'Start the database, or correct DATABASE_URL.',
  CHAIN_RPC_UNAVAILABLE: 'Start the node, or correct EVM_RPC_URL or SVM_RPC_URL.',
  MIGRATIONS_PENDING: 'Run `tollkeeper migrate` as the owner of the database.',
  DATA_DIR_IN_USE: 'Stop the other process, or set DATA_DIR to another folder.',
  ENVIRONMENT_MISMATCH: 'Set ENVIRONMENT to that of the database, or DATABASE_URL to another database.',
  WALLET_NOT_FOUND: '`tollkeeper wallets list` shows every wallet with its id.',
  MERCHANT_NOT_FOUND: '`tollkeeper merchants list` shows every merchant.',
  PAYMENT_NOT_FOUND: '`tollkeeper payments list` shows the newest payments with their ids.',
  WALLET_KEY_UNREADABLE:
    'Set WALLET_ENCRYPTION_KEY to the key that the deposit keys are sealed under; during a rotation, WALLET_ENCRYPTION_KEY_NEXT or WALLET_ENCRYPTION_KEY_PREVIOUS too.',
  AUDIT_CHAIN_BROKEN: 'Keep the database as it is, and compare it with a backup from before that entry.',
};

/** Lines that say what happened, what the facts are and what to do; the facts of a fault never hold a secret. */
export function describeError(error: unknown): string {
  if (isFault(error)) {
    const facts = Object.entries(error.facts)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}: ${String(value)}`);
    const head = `tollkeeper: ${error.message}${facts.length === 0 ? '' : ` (${facts.join(', ')})`} [${error.code}]`;
    const next = nextSteps[error.code];
    return next === undefined ? head : `${head}\n  ${next}`;
  }
  const { code, port } = error as { code?: string; port?: number };
  if (code === 'EADDRINUSE') return `tollkeeper: port ${port ?? ''} is taken; set PORT to another one`;
  return `tollkeeper: ${error instanceof Error ? error.message : String(error)}`;
}

interface FaultSpec {
  readonly status: number;
  readonly retryable: boolean;
  readonly message: string;
}

/** Every trouble of our own, with its HTTP status. Append-only: callers rely on the codes. */
export const faults = {
  REQUEST_MALFORMED: { status: 400, retryable: false, message: 'The request is not what this endpoint expects' },
  REQUEST_TOO_LARGE: {
    status: 413,
    retryable: false,
    message: 'The request body is larger than this endpoint accepts',
  },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, retryable: false, message: 'The request body must be application/json' },
  NOT_FOUND: { status: 404, retryable: false, message: 'There is nothing at this address' },
  PAYMENT_NOT_FOUND: { status: 404, retryable: false, message: 'No payment has this id' },
  INTERNAL: {
    status: 500,
    retryable: true,
    message: 'The facilitator failed unexpectedly; nothing can be concluded about a payment',
  },
  SHUTTING_DOWN: { status: 503, retryable: true, message: 'The facilitator is shutting down; ask again' },
  DATABASE_UNAVAILABLE: { status: 503, retryable: true, message: 'The database did not answer' },
  CHAIN_RPC_UNAVAILABLE: { status: 503, retryable: true, message: 'No RPC endpoint of the network answered' },
  SETTLEMENT_BUSY: {
    status: 503,
    retryable: true,
    message: 'The settlement did not start in time; nothing was signed, ask again',
  },
  CHAIN_WRONG_NETWORK: {
    status: 500,
    retryable: false,
    message: 'The RPC endpoint serves another network than configured',
  },
  CHAIN_CHANGED: { status: 500, retryable: false, message: 'The database was used with another chain of the same id' },
  ENVIRONMENT_MISMATCH: { status: 500, retryable: false, message: 'The database belongs to another environment' },
  MIGRATIONS_PENDING: {
    status: 503,
    retryable: true,
    message: 'The database lacks migrations; run `tollkeeper migrate`',
  },
  MIGRATION_ALTERED: { status: 500, retryable: false, message: 'An applied migration differs from its file' },
  DATA_DIR_IN_USE: { status: 500, retryable: false, message: 'Another process uses this data folder' },
  DATA_DIR_UNUSABLE: { status: 500, retryable: false, message: 'The data folder cannot be used' },
  LEDGER_ACCOUNT_OVERDRAWN: { status: 409, retryable: false, message: 'An account would fall below zero' },
  LEDGER_KEY_REUSED: { status: 409, retryable: false, message: 'This posting key was used for other legs' },
  WALLET_NOT_FOUND: { status: 404, retryable: false, message: 'No wallet has this id' },
  WALLET_EXISTS: { status: 409, retryable: false, message: 'The merchant has a wallet of this name already' },
  WALLET_KEY_UNREADABLE: {
    status: 500,
    retryable: false,
    message: 'A deposit key does not open under this WALLET_ENCRYPTION_KEY',
  },
} as const satisfies Record<string, FaultSpec>;

export type FaultCode = keyof typeof faults;

/** Facts that help to act on a fault. Never a key, a signature, a raw payload or an RPC address with its credentials. */
export type FaultFacts = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** Our own trouble, as opposed to a payment that does not hold, which is a value. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: FaultCode;
  readonly facts: FaultFacts;

  constructor(code: FaultCode, facts: FaultFacts = {}, options?: ErrorOptions) {
    super(faults[code].message, options);
    this.code = code;
    this.facts = facts;
  }

  get status(): number {
    return faults[this.code].status;
  }

  get retryable(): boolean {
    return faults[this.code].retryable;
  }
}

/** Whether a caught value is a fault, of the given code if one is named. */
export function isFault(error: unknown, code?: FaultCode): error is Fault {
  return error instanceof Fault && (code === undefined || error.code === code);
}

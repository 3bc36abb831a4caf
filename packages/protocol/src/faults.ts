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
  SETTLEMENT_PAUSED: {
    status: 503,
    retryable: true,
    message: 'The operator has paused this; nothing was signed, ask again later',
  },
  SETTLEMENT_QUEUE_FULL: {
    status: 503,
    retryable: true,
    message: 'Too many payments wait to be settled; nothing was claimed, ask again in a moment',
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
  ENCRYPTION_ROTATION_REFUSED: {
    status: 409,
    retryable: false,
    message: 'The deposit keys cannot be sealed under this next encryption key',
  },
  DATA_DIR_IN_USE: { status: 500, retryable: false, message: 'Another process uses this data folder' },
  DATA_DIR_UNUSABLE: { status: 500, retryable: false, message: 'The data folder cannot be used' },
  LEDGER_ACCOUNT_OVERDRAWN: { status: 409, retryable: false, message: 'An account would fall below zero' },
  LEDGER_KEY_REUSED: { status: 409, retryable: false, message: 'This posting key was used for other legs' },
  LEDGER_ACCOUNT_CLOSED: { status: 409, retryable: false, message: 'An account is closed and takes no postings' },
  BALANCE_INSUFFICIENT: { status: 409, retryable: false, message: 'The wallet has less available than this needs' },
  HOLD_NOT_FOUND: { status: 404, retryable: false, message: 'No hold has this id' },
  HOLD_NOT_OPEN: { status: 409, retryable: false, message: 'The hold was captured or voided before' },
  HOLD_EXPIRED: { status: 409, retryable: false, message: 'The hold has expired and its money is free again' },
  HOLD_EXCEEDED: { status: 409, retryable: false, message: 'A capture takes no more than the hold reserves' },
  TRANSFER_NOT_FOUND: { status: 404, retryable: false, message: 'No transfer has this id, or it is not yours to see' },
  TRANSFER_NOT_PENDING: { status: 409, retryable: false, message: 'The transfer was claimed or cancelled before' },
  TRANSFER_EXPIRED: { status: 409, retryable: false, message: 'The transfer has expired and goes back to its sender' },
  TRANSFER_TO_ITSELF: { status: 400, retryable: false, message: 'A wallet cannot pay itself' },
  CHARGE_NOT_FOUND: { status: 404, retryable: false, message: 'No charge has this id' },
  REFUND_EXCEEDS_CHARGE: {
    status: 409,
    retryable: false,
    message: 'The refunds of a charge cannot be more than the charge',
  },
  WALLET_NOT_FOUND: { status: 404, retryable: false, message: 'No wallet has this id' },
  WALLET_EXISTS: { status: 409, retryable: false, message: 'The merchant has a wallet of this name already' },
  WALLET_KEY_UNREADABLE: {
    status: 500,
    retryable: false,
    message: 'A deposit key does not open under this WALLET_ENCRYPTION_KEY',
  },
  API_KEY_REQUIRED: { status: 401, retryable: false, message: 'This endpoint needs an API key' },
  API_KEY_UNKNOWN: { status: 401, retryable: false, message: 'This API key is not one of ours' },
  API_KEY_REVOKED: { status: 401, retryable: false, message: 'This API key was revoked' },
  API_KEY_EXPIRED: { status: 401, retryable: false, message: 'This API key has expired' },
  PERMISSION_DENIED: { status: 403, retryable: false, message: 'This API key may not do this' },
  API_KEY_EXCEEDS_CREATOR: {
    status: 403,
    retryable: false,
    message: 'A key cannot create a key that may do more, or lives longer, than itself',
  },
  API_KEY_NOT_FOUND: { status: 404, retryable: false, message: 'No API key has this id' },
  MERCHANT_NOT_FOUND: { status: 404, retryable: false, message: 'No merchant has this name or id' },
  MERCHANT_EXISTS: { status: 409, retryable: false, message: 'A merchant of this name exists already' },
  IDEMPOTENCY_KEY_REQUIRED: {
    status: 400,
    retryable: false,
    message: 'A money operation needs an Idempotency-Key of 1 to 255 printable characters',
  },
  IDEMPOTENCY_KEY_REUSED: { status: 409, retryable: false, message: 'This key was used with a different request' },
  IDEMPOTENCY_IN_FLIGHT: {
    status: 409,
    retryable: true,
    message: 'The request with this key is still under way; ask again',
  },
  CURSOR_INVALID: { status: 400, retryable: false, message: 'This cursor is not one that this list gave out' },
  AUDIT_CHAIN_BROKEN: { status: 500, retryable: false, message: 'An entry of the audit was altered' },
  WALLET_KEYS_ROTATING: {
    status: 503,
    retryable: true,
    message: 'The keys that encrypt deposit keys are being rotated; ask again',
  },
  WALLET_CLOSED: { status: 409, retryable: false, message: 'The wallet is closed and receives nothing new' },
  WALLET_QUOTA_REACHED: { status: 409, retryable: false, message: 'The merchant has as many wallets as it may' },
  PAYOUT_ADDRESS_NOT_FOUND: { status: 404, retryable: false, message: 'The wallet has no payout address of this id' },
  PAYOUT_ADDRESS_EXISTS: { status: 409, retryable: false, message: 'The wallet has this payout address already' },
  PAYOUT_ADDRESS_REFUSED: {
    status: 400,
    retryable: false,
    message: 'This address cannot be paid out to on this network',
  },
  PAYOUT_ADDRESS_QUOTA_REACHED: {
    status: 409,
    retryable: false,
    message: 'The wallet has as many payout addresses as it may; remove one first',
  },
  PAYOUT_ADDRESS_WAITING: { status: 409, retryable: false, message: 'The payout address is too new to be used' },
  ASSET_UNKNOWN: { status: 400, retryable: false, message: 'This facilitator does not take this asset' },
  STATEMENT_NOT_SETTLED: {
    status: 503,
    retryable: true,
    message: 'Postings of the period are still being written; ask again',
  },
  FEE_TERMS_REFUSED: { status: 409, retryable: false, message: 'These fee terms collide with others or are backdated' },
  REFERRAL_REFUSED: {
    status: 409,
    retryable: false,
    message: 'A referrer is set once, is somebody else, and was not brought by the merchant itself',
  },
  SIGNER_UNFUNDED: {
    status: 503,
    retryable: true,
    message: 'The facilitator cannot pay network fees now; nothing was signed, ask again later',
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

/**
 * All that this package knows of other people's error texts and codes. Texts of a node never reach a caller: they are
 * translated here into sentences of ours, or dropped.
 */

/** JSON-RPC codes that judge the transaction sent, not the node's condition. */
const transactionIsRefused: ReadonlySet<number> = new Set([
  -32602, // Invalid params: the transaction does not pass the node's sanitizing.
  -32003, // Transaction signature verification failure.
  -32013, // Transaction signature length mismatch.
  -32015, // Unsupported transaction version.
]);

/** Whether a node's refusal to simulate is about the transaction itself, so that asking again will not help. */
export function isTransactionRefused(code: number): boolean {
  return transactionIsRefused.has(code);
}

/**
 * JSON-RPC codes of an endpoint that serves nobody for now. Agave's are in
 * https://github.com/anza-xyz/agave/blob/master/rpc-client-api/src/custom_error.rs
 */
const endpointRefuses: ReadonlySet<number> = new Set([
  -32005, // Node is behind by so many slots, or unhealthy.
  429, // Triton, Alchemy and QuickNode write HTTP's code into the answer.
]);

/** What providers say of a spent quota, with codes that mean other things to Agave: QuickNode's is that of a skipped slot. */
const quotaIsSpent =
  /rate.?limit|too many requests|request limit reached|(usage|rps|capacity) limit|credits limited|units per second|\bquota\b/i;

/** Whether a refusal is about the endpoint and says nothing about what it was asked, so that another may answer. */
export function isEndpointRefusal({ code, message }: { readonly code: number; readonly message: string }): boolean {
  return endpointRefuses.has(code) || quotaIsSpent.test(message);
}

/** JSON-RPC codes for a slot that has no block, from a node's own history and from long-term storage. */
const slotIsSkipped: ReadonlySet<number> = new Set([-32007, -32009]);

/** Whether a node refuses a block because there is none in its slot. */
export function isSlotSkipped(code: number): boolean {
  return slotIsSkipped.has(code);
}

/** Whether a node's refusal, or the `err` of a simulation, says that the transaction is in a block already. */
export function isAlreadyProcessed(error: unknown): boolean {
  return typeof error === 'string' && /already (been )?processed|AlreadyProcessed/i.test(error);
}

/**
 * Transaction errors that name our own fee payer's poverty and not the buyer's fault: those of `validate_fee_payer` in
 * https://github.com/anza-xyz/agave/blob/master/svm/src/account_loader.rs
 */
const feePayerTroubles: ReadonlySet<string> = new Set([
  'AccountNotFound',
  'InsufficientFundsForFee',
  'InvalidAccountForFee',
]);

export function isFeePayerTrouble(error: unknown): boolean {
  if (typeof error === 'string') return feePayerTroubles.has(error);
  // The fee payer is the first account of every transaction.
  return property(property(error, 'InsufficientFundsForRent'), 'account_index') === 0;
}

const transactionErrors: Readonly<Record<string, string>> = {
  BlockhashNotFound: 'The blockhash is unknown or too old; sign again with a recent one',
  AlreadyProcessed: 'The transaction was processed before',
  AccountNotFound: "The facilitator's fee payer has no account",
  InsufficientFundsForFee: "The facilitator's fee payer cannot pay the network fee",
  InvalidAccountForFee: "The facilitator's fee payer cannot pay network fees",
  ProgramAccountNotFound: 'A program that the transaction calls does not exist',
  InvalidProgramForExecution: 'A program that the transaction calls cannot be executed',
  SignatureFailure: 'A signature does not fit the message',
  InsufficientFundsForRent: 'An account would fall below the rent-exempt minimum',
};

/** Errors of the token programs by number; both use the same. */
const tokenErrors: Readonly<Record<number, string>> = {
  0: 'A token account would fall below the rent-exempt minimum',
  1: 'The payer holds too little of the token',
  3: 'A token account is of another mint',
  4: "The payer's token account belongs to somebody else",
  17: 'A token account is frozen',
  18: "The transfer states other decimals than the mint's",
};

const instructionErrors: Readonly<Record<string, string>> = {
  InvalidAccountData: 'a token account does not exist or is of another kind',
  UninitializedAccount: 'a token account does not exist',
  IncorrectProgramId: 'a token account does not exist or belongs to another token program',
  InvalidAccountOwner: 'a token account does not exist or belongs to another token program',
  MissingRequiredSignature: 'the authority has not signed',
  ComputationalBudgetExceeded: 'the compute unit limit is too low',
  ProgramFailedToComplete: 'the program did not complete, often because the compute unit limit is too low',
};

/** A sentence for the `err` of a simulation or a landed transaction. */
export function describeTransactionError(error: unknown): string {
  if (typeof error === 'string') return transactionErrors[error] ?? 'The chain refuses the transaction';
  const [index, inner] = instructionError(error) ?? [];
  if (index === undefined) {
    const kind = typeof error === 'object' && error !== null ? Object.keys(error)[0] : undefined;
    return (kind && transactionErrors[kind]) ?? 'The chain refuses the transaction';
  }
  if (typeof inner === 'string') {
    return `Instruction ${index + 1} fails: ${instructionErrors[inner] ?? 'the program refuses it'}`;
  }
  const custom = property(inner, 'Custom');
  const isTransfer = index === 2;
  const known = isTransfer && typeof custom === 'number' ? tokenErrors[custom] : undefined;
  return known ?? `Instruction ${index + 1} fails with an error of its program`;
}

function instructionError(error: unknown): readonly [number, unknown] | undefined {
  const pair = property(error, 'InstructionError');
  if (!Array.isArray(pair)) return undefined;
  const [index, inner] = pair as unknown[];
  return typeof index === 'number' ? [index, inner] : undefined;
}

function property(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

/** Why a request got no answer, without the node's address, whose path often holds an API key. */
export function describeTransportError(error: unknown): { outcome: 'timeout' | 'unreachable'; detail: string } {
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return { outcome: 'timeout', detail: 'no answer in time' };
  }
  const code = property(error instanceof Error ? error.cause : undefined, 'code');
  return { outcome: 'unreachable', detail: typeof code === 'string' ? code : 'no connection' };
}

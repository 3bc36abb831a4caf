/** A vector on which our verdict differs from the reference's on purpose. A verdict is `valid`, a reason, or how no verdict came. */
export interface Difference {
  /** The name of the vector in the suite of its chain. */
  readonly vector: string;
  readonly ours: string;
  readonly reference: string;
  readonly why: string;
}

/** What the reference says when it throws instead of answering: its server answers 500. */
export const thrown = 'no verdict: thrown';

/** What we say to a body that is not a request of the protocol: 400. */
export const malformed = 'no verdict: malformed';

const strictNumbers =
  'A number has one spelling, and amounts never pass through JSON numbers, so that no two readers see two amounts.';
const strictAddresses =
  'An address with a wrong checksum was mistyped; money must not be sent there. The reference drops the checksum.';
const noMoneyMoves = 'Such a payment reaches no merchant and burns our gas, so it is refused before it costs anything.';
const noThrow = 'Whatever a caller sends gets a verdict with a reason, never an error of the server.';
const keysOnly =
  'Smart wallets come later; until then every payer with code is refused, for the reason the token would have.';

export const evmDifferences: readonly Difference[] = [
  {
    vector: 'a token that the operator does not list',
    ours: 'unsupported_asset',
    reference: 'valid',
    why: 'A token is code that we would run at our expense and book at its word; only listed ones are settled.',
  },
  {
    vector: 'a Permit2 payment for another spender',
    ours: 'unsupported_payload_type',
    reference: 'invalid_permit2_spender',
    why: 'Permit2 comes later; until then nothing of it is looked at.',
  },
  { vector: 'a smart wallet that approves', ours: 'invalid_exact_evm_signature', reference: 'valid', why: keysOnly },
  {
    vector: 'a deployed smart wallet with a 6492 wrapper',
    ours: 'eip6492_factory_not_allowed',
    reference: 'valid',
    why: `${keysOnly} That a wrapped payer is deployed would take a call to find out.`,
  },
  {
    vector: 'a key that delegates to code (EIP-7702), paid to another payee',
    ours: 'invalid_exact_evm_recipient_mismatch',
    reference: 'invalid_exact_evm_signature',
    why: 'The signature of the key itself is proven without a call; the code of the payer is only looked at after that.',
  },
  {
    vector: 'a token that burns more gas than the limit',
    ours: 'invalid_exact_evm_transaction_simulation_failed',
    reference: 'valid',
    why: 'We pay the gas, so the simulation gets only as much as a settlement may use.',
  },
  {
    vector: 'too little money, on a chain without Multicall3',
    ours: 'invalid_exact_evm_insufficient_balance',
    reference: 'invalid_exact_evm_transaction_simulation_failed',
    why: 'Without Multicall3 the token is asked one question at a time, so that the buyer still learns what to do.',
  },
  { vector: 'a value in hex', ours: 'invalid_payload', reference: 'valid', why: strictNumbers },
  { vector: 'a value with spaces', ours: 'invalid_payload', reference: 'valid', why: strictNumbers },
  { vector: 'a value with leading zeros', ours: 'invalid_payload', reference: 'valid', why: strictNumbers },
  { vector: 'a value that is a JSON number', ours: 'invalid_payload', reference: 'valid', why: strictNumbers },
  { vector: 'a value with an exponent', ours: 'invalid_payload', reference: thrown, why: noThrow },
  { vector: 'a required amount in hex', ours: malformed, reference: 'valid', why: strictNumbers },
  { vector: 'no authorization', ours: 'invalid_payload', reference: thrown, why: noThrow },
  { vector: 'no signature', ours: 'invalid_payload', reference: thrown, why: noThrow },
  { vector: 'a nonce of 31 bytes', ours: 'invalid_payload', reference: 'invalid_exact_evm_signature', why: noThrow },
  { vector: 'an asset that is no address', ours: 'invalid_payment_requirements', reference: thrown, why: noThrow },
  { vector: 'a payTo that is no address', ours: 'invalid_payment_requirements', reference: thrown, why: noThrow },
  {
    vector: 'a payTo with a wrong checksum',
    ours: 'invalid_payment_requirements',
    reference: 'valid',
    why: strictAddresses,
  },
  {
    vector: 'an authorization.to with a wrong checksum',
    ours: 'invalid_payload',
    reference: 'invalid_exact_evm_signature',
    why: strictAddresses,
  },
  {
    vector: 'an authorization.to in capitals',
    ours: 'valid',
    reference: 'invalid_exact_evm_signature',
    why: 'Capitals carry no checksum, so they are as good as lower case; the reference takes them for a wrong checksum.',
  },
  { vector: 'payTo the payer', ours: 'invalid_payment_requirements', reference: 'valid', why: noMoneyMoves },
  { vector: 'payTo our signer', ours: 'invalid_payment_requirements', reference: 'valid', why: noMoneyMoves },
  { vector: 'payTo the token', ours: 'invalid_payment_requirements', reference: 'valid', why: noMoneyMoves },
  {
    vector: 'payTo the zero address',
    ours: 'invalid_payment_requirements',
    reference: 'invalid_exact_evm_transaction_simulation_failed',
    why: noMoneyMoves,
  },
];

const merchantsMistake = 'The mistake is in the requirements, and the answer says so.';

export const svmDifferences: readonly Difference[] = [
  {
    vector: 'a payload without a transaction',
    ours: 'invalid_payload',
    reference: 'invalid_exact_svm_payload_transaction_could_not_be_decoded',
    why: 'There is nothing to decode; the caller put something else where the transaction belongs.',
  },
  {
    vector: 'a byte behind the transaction',
    ours: 'invalid_exact_svm_payload_transaction_could_not_be_decoded',
    reference: 'invalid_exact_svm_payload_signature_invalid',
    why: 'Such bytes are no transaction for a validator; the reference takes them for a part of the message.',
  },
  {
    vector: 'an authority index out of range under a valid signature',
    ours: 'invalid_exact_svm_payload_transaction_could_not_be_decoded',
    reference: thrown,
    why: noThrow,
  },
  {
    vector: 'an account named by a lookup table',
    ours: 'invalid_exact_svm_smart_wallet_alt_resolution_not_available',
    reference: 'valid',
    why: 'Reading a table takes a call, and its owner may close it; until then everything is decided without a call.',
  },
  {
    vector: 'an asset that is no address',
    ours: 'invalid_payment_requirements',
    reference: 'invalid_exact_svm_payload_mint_mismatch',
    why: merchantsMistake,
  },
  {
    vector: 'a payTo that is no address',
    ours: 'invalid_payment_requirements',
    reference: 'invalid_exact_svm_payload_recipient_mismatch',
    why: merchantsMistake,
  },
  {
    vector: 'an authority that has not signed',
    ours: 'invalid_exact_svm_payload_signature_invalid',
    reference: 'invalid_exact_svm_transaction_simulation_failed',
    why: 'Consent is proven without a call, because the claim is written down before the chain is asked.',
  },
  {
    vector: "money of somebody else's that the payer may spend",
    ours: 'invalid_exact_svm_payload_source_mismatch',
    reference: 'valid',
    why: 'Whether payments in flight fit together is asked of one account for each payer; two that do not both cost a fee.',
  },
  {
    vector: 'the fee payer among the accounts of a memo',
    ours: 'invalid_exact_svm_payload_transaction_fee_payer_included_in_instruction_accounts',
    reference: 'valid',
    why: 'The specification forbids it in every instruction (rule 2); the reference looks at the authority only.',
  },
  { vector: 'a payment to oneself', ours: 'invalid_payment_requirements', reference: 'valid', why: noMoneyMoves },
  { vector: 'a payment to the fee payer', ours: 'invalid_payment_requirements', reference: 'valid', why: noMoneyMoves },
  { vector: 'a payment to the mint', ours: 'invalid_payment_requirements', reference: 'valid', why: noMoneyMoves },
  { vector: 'a payment of nothing', ours: 'invalid_payment_requirements', reference: 'valid', why: noMoneyMoves },
  {
    vector: 'a token that is not on the list',
    ours: 'unsupported_asset',
    reference: 'valid',
    why: 'Only tokens that the operator chose are settled, because we book them at their word.',
  },
  {
    vector: 'a token that keeps a fee of each transfer',
    ours: 'unsupported_asset',
    reference: 'valid',
    why: 'The payee would receive less than the amount that the payment is for.',
  },
  {
    vector: 'a token account that the payee handed to somebody else',
    ours: 'invalid_exact_svm_payload_recipient_mismatch',
    reference: 'valid',
    why: 'The money would go to another owner than payTo.',
  },
];

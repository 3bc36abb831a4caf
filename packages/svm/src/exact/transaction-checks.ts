import { svmAddressBytes } from '../address/svm-address.js';
import type { SvmLimits } from '../limits.js';
import { isSignatureValid } from '../signing/ed25519.js';
import type { ParsedTransaction } from '../transaction/parse-transaction.js';
import { refuseIf, type Check } from './check.js';
import { readComputeUnitLimit, readComputeUnitPrice } from './compute-budget.js';

/** A transaction whose form is sound, before anything is said about the transfer in it. */
export interface TransactionSubject {
  readonly transaction: ParsedTransaction;
  readonly feePayer: string;
  readonly limits: SvmLimits;
}

/** The specification wants buyer and sponsor and nobody else: every further signature costs us 5,000 lamports. */
const signersAreTwoAtMost: Check<TransactionSubject> = ({ transaction }) =>
  refuseIf(
    transaction.requiredSignatures > 2,
    'invalid_exact_svm_payload_excessive_signers',
    'Only the buyer and the fee payer may sign',
  );

const feePayerIsFirst: Check<TransactionSubject> = ({ transaction, feePayer }) =>
  refuseIf(
    transaction.accountKeys[0] !== feePayer,
    'invalid_exact_svm_fee_payer_mismatch',
    "The transaction's fee payer is not the one that the requirements name",
  );

const signaturesAreValid: Check<TransactionSubject> = ({ transaction }) => {
  const { accountKeys, signatures, requiredSignatures, message } = transaction;
  const signers = accountKeys.slice(1, requiredSignatures);
  const allSigned = signers.every((signer, index) => {
    const signature = signatures[index + 1];
    return signature !== undefined && isSignatureValid({ publicKey: svmAddressBytes(signer), signature, message });
  });
  return refuseIf(
    !allSigned,
    'invalid_exact_svm_payload_signature_invalid',
    'A required signature is missing or does not fit the message',
  );
};

/** Accounts that only a lookup table names could not be judged without asking the chain. */
const lookupTablesAreAbsent: Check<TransactionSubject> = ({ transaction }) =>
  refuseIf(
    transaction.lookupTableCount > 0,
    'invalid_exact_svm_smart_wallet_alt_resolution_not_available',
    'Address lookup tables are not accepted',
  );

const instructionCountFits: Check<TransactionSubject> = ({ transaction: { instructions } }) =>
  refuseIf(
    instructions.length < 3 || instructions.length > 7,
    'invalid_exact_svm_payload_transaction_instructions_length',
    'A payment has three to seven instructions',
  );

const computeLimitIsSet: Check<TransactionSubject> = ({ transaction }) =>
  refuseIf(
    readComputeUnitLimit(transaction.instructions[0]) === undefined,
    'invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction',
    'The first instruction must be SetComputeUnitLimit',
  );

const computeLimitIsAffordable: Check<TransactionSubject> = ({ transaction, limits }) =>
  refuseIf(
    (readComputeUnitLimit(transaction.instructions[0]) ?? 0) > limits.computeUnitsMax,
    'invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction_too_high',
    `At most ${limits.computeUnitsMax} compute units may be requested`,
  );

const computePriceIsSet: Check<TransactionSubject> = ({ transaction }) =>
  refuseIf(
    readComputeUnitPrice(transaction.instructions[1]) === undefined,
    'invalid_exact_svm_payload_transaction_instructions_compute_price_instruction',
    'The second instruction must be SetComputeUnitPrice',
  );

const computePriceIsAffordable: Check<TransactionSubject> = ({ transaction, limits }) =>
  refuseIf(
    (readComputeUnitPrice(transaction.instructions[1]) ?? 0n) > limits.computeUnitPriceMaxMicroLamports,
    'invalid_exact_svm_payload_transaction_instructions_compute_price_instruction_too_high',
    `At most ${limits.computeUnitPriceMaxMicroLamports.toString()} micro-lamports per compute unit are paid`,
  );

/** Rows 6 to 12 of the reference's order. */
export const transactionChecks: readonly Check<TransactionSubject>[] = [
  signersAreTwoAtMost,
  feePayerIsFirst,
  signaturesAreValid,
  lookupTablesAreAbsent,
  instructionCountFits,
  computeLimitIsSet,
  computeLimitIsAffordable,
  computePriceIsSet,
  computePriceIsAffordable,
];

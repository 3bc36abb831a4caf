import type { PaymentRequirements, Reason } from '@tollkeeper/protocol';
import { associatedTokenAccount } from '../token/associated-token-account.js';
import { lighthouseProgram, memoProgram } from '../token/programs.js';
import type { ParsedTransaction } from '../transaction/parse-transaction.js';
import { refuseIf, type Check } from './check.js';
import type { Transfer } from './transfer.js';

/** A well-formed transaction with a transfer in it, beside what the merchant requires. */
export interface TransferSubject {
  readonly requirements: PaymentRequirements;
  readonly transaction: ParsedTransaction;
  readonly transfer: Transfer;
  readonly feePayer: string;
}

const feePayerIsNotAuthority: Check<TransferSubject> = ({ transfer, feePayer }) =>
  refuseIf(
    transfer.authority === feePayer,
    'invalid_exact_svm_payload_transaction_fee_payer_transferring_funds',
    'The fee payer must not be the one whose money moves',
  );

const mintMatches: Check<TransferSubject> = ({ transfer, requirements }) =>
  refuseIf(
    transfer.mint !== requirements.asset,
    'invalid_exact_svm_payload_mint_mismatch',
    'The transfer is of another token than required',
  );

const recipientMatches: Check<TransferSubject> = ({ transfer, requirements }) => {
  const { payTo: owner, asset: mint } = requirements;
  return refuseIf(
    transfer.destination !== associatedTokenAccount({ owner, mint, program: transfer.program }),
    'invalid_exact_svm_payload_recipient_mismatch',
    "The destination is not payTo's associated token account",
  );
};

const amountMatches: Check<TransferSubject> = ({ transfer, requirements }) =>
  refuseIf(
    transfer.amount !== requirements.amount,
    'invalid_exact_svm_payload_amount_mismatch',
    'The transfer is not of exactly the required amount',
  );

const unknownInstruction: readonly Reason[] = [
  'invalid_exact_svm_payload_unknown_fourth_instruction',
  'invalid_exact_svm_payload_unknown_fifth_instruction',
  'invalid_exact_svm_payload_unknown_sixth_instruction',
  'invalid_exact_svm_payload_unknown_seventh_instruction',
];

const optionalInstructionsAreKnown: Check<TransferSubject> = ({ transaction }) => {
  const optional = transaction.instructions.slice(3);
  const unknown = optional.findIndex(({ program }) => program !== lighthouseProgram && program !== memoProgram);
  const reason = unknownInstruction[unknown];
  return reason && { reason, detail: 'After the transfer only Lighthouse and Memo instructions may follow' };
};

const memoIsSingle: Check<TransferSubject> = ({ requirements, transaction }) =>
  refuseIf(
    isMemoRequired(requirements) && memosOf(transaction).length !== 1,
    'invalid_exact_svm_payload_memo_count',
    'extra.memo requires exactly one Memo instruction',
  );

const memoMatches: Check<TransferSubject> = ({ requirements, transaction }) => {
  const memo = requirements.extra['memo'];
  const [written] = memosOf(transaction);
  const isEqual = typeof memo === 'string' && written !== undefined && Buffer.from(memo).equals(written);
  return refuseIf(
    isMemoRequired(requirements) && !isEqual,
    'invalid_exact_svm_payload_memo_mismatch',
    'The Memo instruction does not carry the text of extra.memo',
  );
};

/** Rows 14 to 19 of the reference's order. */
export const transferChecks: readonly Check<TransferSubject>[] = [
  feePayerIsNotAuthority,
  mintMatches,
  recipientMatches,
  amountMatches,
  optionalInstructionsAreKnown,
  memoIsSingle,
  memoMatches,
];

/** Like the reference, an empty memo or `null` requires none. */
function isMemoRequired(requirements: PaymentRequirements): boolean {
  return Boolean(requirements.extra['memo']);
}

function memosOf(transaction: ParsedTransaction): readonly Uint8Array[] {
  return transaction.instructions.filter(({ program }) => program === memoProgram).map(({ data }) => data);
}

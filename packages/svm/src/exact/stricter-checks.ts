import { associatedTokenAccount } from '../token/associated-token-account.js';
import { refuseIf, type Check } from './check.js';
import type { TransferSubject } from './transfer-checks.js';

/** The specification's MUST (rule 2), of which the reference checks only the authority. */
const feePayerIsIsolated: Check<TransferSubject> = ({ transaction, feePayer }) =>
  refuseIf(
    transaction.instructions.some(({ accounts }) => accounts.includes(feePayer)),
    'invalid_exact_svm_payload_transaction_fee_payer_included_in_instruction_accounts',
    "The fee payer must be in no instruction's accounts",
  );

/** Only a key can consent here: with a multisig as authority nobody's signature would stand for the payer's. */
const payerHasSigned: Check<TransferSubject> = ({ transaction, transfer }) =>
  refuseIf(
    transaction.requiredSignatures !== 2 || transaction.accountKeys[1] !== transfer.authority,
    'invalid_exact_svm_payload_signature_invalid',
    "The transfer's authority is not a signer of the transaction",
  );

/** Money that comes back to where it was cannot be told from money that never moved. */
const moneyChangesHands: Check<TransferSubject> = ({ requirements, transfer, feePayer }) =>
  refuseIf(
    requirements.payTo === feePayer ||
      requirements.payTo === transfer.authority ||
      requirements.payTo === transfer.mint ||
      transfer.source === transfer.destination,
    'invalid_payment_requirements',
    'payTo must be neither the payer nor the token nor this facilitator',
  );

const amountIsPositive: Check<TransferSubject> = ({ requirements }) =>
  refuseIf(
    requirements.amount === 0n,
    'invalid_payment_requirements',
    'A payment of nothing would cost its network fee and prove nothing',
  );

/** Whether a payer's payments in flight fit together is asked of this account; what another one holds would not be counted. */
const sourceIsPayers: Check<TransferSubject> = ({ transfer }) => {
  const { authority: owner, mint, program } = transfer;
  return refuseIf(
    transfer.source !== associatedTokenAccount({ owner, mint, program }),
    'invalid_exact_svm_payload_source_mismatch',
    "The source is not the payer's associated token account",
  );
};

/** Rules that the reference does not have. They come after its own, so that its reasons are found first. */
export const stricterChecks: readonly Check<TransferSubject>[] = [
  feePayerIsIsolated,
  payerHasSigned,
  moneyChangesHands,
  amountIsPositive,
  sourceIsPayers,
];

/** Which tokens we settle at all; the reference settles any. */
export function assetIsAllowed(allowedMints: ReadonlySet<string>): Check<TransferSubject> {
  return ({ requirements }) =>
    refuseIf(!allowedMints.has(requirements.asset), 'unsupported_asset', 'This facilitator does not settle this token');
}

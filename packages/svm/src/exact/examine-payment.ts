import type { Authorization, Network, Payment, Rejection } from '@tollkeeper/protocol';
import type { SvmLimits } from '../limits.js';
import { decodeCanonicalBase64 } from '../transaction/canonical-base64.js';
import { maximumTransactionBytes, parseTransaction, type ParsedTransaction } from '../transaction/parse-transaction.js';
import { firstRejection } from './check.js';
import { claimKeyOf } from './claim-key.js';
import { requestChecks } from './request-checks.js';
import { assetIsAllowed, stricterChecks } from './stricter-checks.js';
import { transactionChecks } from './transaction-checks.js';
import { readTransfer, type Transfer } from './transfer.js';
import { transferChecks } from './transfer-checks.js';

/** What the local checks need to know beside the payment. */
export interface ExaminationRules {
  readonly network: Network;
  readonly feePayer: string;
  readonly allowedMints: ReadonlySet<string>;
  readonly limits: SvmLimits;
}

/** A payment that passed every check that needs no RPC, with the bytes that prove it. */
export interface ExaminedPayment {
  readonly authorization: Authorization;
  readonly transaction: ParsedTransaction;
  readonly transfer: Transfer;
}

export type ExaminationResult =
  | { readonly passed: true; readonly payment: ExaminedPayment }
  | { readonly passed: false; readonly rejection: Rejection; readonly payer?: string };

const longestBase64 = Math.ceil(maximumTransactionBytes / 3) * 4;

/** Applies every local rule in the reference's order, ours behind. Never throws, whatever the payload holds. */
export function examinePayment(payment: Payment, rules: ExaminationRules): ExaminationResult {
  const { network, feePayer, limits, allowedMints } = rules;
  const { requirements } = payment;

  const request = firstRejection(requestChecks, { payment, network, feePayer });
  if (request !== undefined) return refused(request);

  const decoded = decodeTransaction(payment.payload);
  if ('reason' in decoded) return refused(decoded);
  const transaction = decoded;

  const form = firstRejection(transactionChecks, { transaction, feePayer, limits });
  if (form !== undefined) return refused(form);

  const transfer = readTransfer(transaction.instructions[2]);
  if (transfer === undefined) return refused(noTransfer);

  const checks = [...transferChecks, ...stricterChecks, assetIsAllowed(allowedMints)];
  const rejection = firstRejection(checks, { requirements, transaction, transfer, feePayer });
  if (rejection !== undefined) return { passed: false, rejection, payer: transfer.authority };

  const authorization: Authorization = {
    scheme: 'exact',
    claimKey: claimKeyOf(requirements.network, transaction.message),
    payer: transfer.authority,
    payTo: requirements.payTo,
    asset: { network: requirements.network, token: transfer.mint },
    amount: requirements.amount,
  };
  return { passed: true, payment: { authorization, transaction, transfer } };
}

const noTransfer: Rejection = {
  reason: 'invalid_exact_svm_payload_no_transfer_instruction',
  detail: 'The third instruction must be TransferChecked of SPL Token or Token-2022',
};

function decodeTransaction(payload: Payment['payload']): ParsedTransaction | Rejection {
  const encoded = payload['transaction'];
  if (typeof encoded !== 'string' || encoded === '') {
    return { reason: 'invalid_payload', detail: 'payload.transaction must be a base64 string' };
  }
  const bytes = encoded.length > longestBase64 ? undefined : decodeCanonicalBase64(encoded);
  const transaction = bytes && parseTransaction(bytes);
  return (
    transaction ?? {
      reason: 'invalid_exact_svm_payload_transaction_could_not_be_decoded',
      detail: 'payload.transaction is not canonical base64 of a well-formed legacy or version 0 transaction',
    }
  );
}

function refused(rejection: Rejection): ExaminationResult {
  return { passed: false, rejection };
}

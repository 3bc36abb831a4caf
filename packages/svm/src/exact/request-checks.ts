import type { Network, Payment } from '@tollkeeper/protocol';
import { parseSvmAddress } from '../address/svm-address.js';
import { refuseIf, type Check } from './check.js';

/** What the merchant asks for and what the buyer says it accepted, before the transaction is looked at. */
export interface RequestSubject {
  readonly payment: Payment;
  /** The cluster that this scheme serves. */
  readonly network: Network;
  /** Our fee payer. */
  readonly feePayer: string;
}

const schemeMatches: Check<RequestSubject> = ({ payment: { accepted, requirements } }) =>
  refuseIf(
    accepted.scheme !== 'exact' || requirements.scheme !== 'exact',
    'invalid_exact_svm_unsupported_scheme',
    'The scheme is not exact',
  );

const networkMatches: Check<RequestSubject> = ({ payment: { accepted, requirements }, network }) =>
  refuseIf(
    accepted.network !== requirements.network || requirements.network !== network,
    'invalid_exact_svm_network_mismatch',
    'The buyer accepted another network than the merchant requires',
  );

const feePayerIsNamed: Check<RequestSubject> = ({ payment: { requirements } }) => {
  const named = requirements.extra['feePayer'];
  return refuseIf(
    typeof named !== 'string' || named === '',
    'invalid_exact_svm_payload_missing_fee_payer',
    'extra.feePayer must be the address that /supported publishes',
  );
};

const feePayerIsOurs: Check<RequestSubject> = ({ payment: { requirements }, feePayer }) =>
  refuseIf(
    requirements.extra['feePayer'] !== feePayer,
    'invalid_exact_svm_fee_payer_not_managed_by_facilitator',
    'extra.feePayer is not an address of this facilitator; read /supported again',
  );

/** Ours: the reference finds a malformed payee or mint only by what follows from it. */
const addressesAreCanonical: Check<RequestSubject> = ({ payment: { requirements } }) =>
  refuseIf(
    parseSvmAddress(requirements.asset) === undefined || parseSvmAddress(requirements.payTo) === undefined,
    'invalid_payment_requirements',
    'asset and payTo must be base58 addresses of 32 bytes',
  );

/** Rows 1 to 4 of the reference's order. */
export const requestChecks: readonly Check<RequestSubject>[] = [
  schemeMatches,
  networkMatches,
  feePayerIsNamed,
  feePayerIsOurs,
  addressesAreCanonical,
];

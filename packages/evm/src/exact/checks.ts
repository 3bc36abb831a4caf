import type { Rejection } from '@tollkeeper/protocol';
import { zeroAddress } from '../address.js';
import type { TransferAuthorization } from './payload.js';
import type { PayerSignature } from './payer-signature.js';
import type { Terms } from './terms.js';

/** What the local checks look at: the merchant's terms beside what the payer signed. */
export interface Transfer {
  readonly terms: Terms;
  readonly authorization: TransferAuthorization;
  readonly signature: PayerSignature;
  /** The address whose key made the signature, where it has a form that tells. */
  readonly signedBy: string | undefined;
}

/** What the checks know besides the payment. */
export interface CheckContext {
  readonly nowSeconds: bigint;
  /** Canonical addresses of the tokens that may be settled. */
  readonly assets: ReadonlySet<string>;
  /** Canonical addresses of our signers. */
  readonly signers: ReadonlySet<string>;
}

/**
 * One rule. `lapses` says that a failure leaves the payer's consent proven: only a new settlement is out of the question,
 * one that the same authorization started earlier can still be joined.
 */
export interface Check {
  readonly lapses: boolean;
  readonly run: (transfer: Transfer, context: CheckContext) => Rejection | undefined;
}

/** The least time that a settlement needs to be mined, as the reference has it. */
const settlementMarginSeconds = 6n;

/** Every local rule, in the reference's order; what only we ask comes last, so that the first reason is the reference's. */
export const checks: readonly Check[] = [
  { lapses: false, run: payerConsents },
  { lapses: true, run: signatureIsPlain },
  { lapses: false, run: recipientMatches },
  { lapses: true, run: isNotExpired },
  { lapses: true, run: isAlreadyValid },
  { lapses: false, run: valueMatches },
  { lapses: false, run: payeeIsSomeoneElse },
  { lapses: false, run: assetIsAllowed },
];

function payerConsents({ authorization, signature, signedBy }: Transfer): Rejection | undefined {
  if (signature.form === 'counterfactual') {
    const detail = 'Wallets that are not deployed yet (ERC-6492) are not supported';
    return { reason: 'eip6492_factory_not_allowed', detail };
  }
  if (signedBy === authorization.from) return undefined;
  const detail =
    'The signature is not one of authorization.from over this transfer; ' +
    "check extra.name and extra.version against the token's EIP-712 domain, and the network";
  return { reason: 'invalid_exact_evm_signature', detail };
}

function signatureIsPlain({ signature }: Transfer): Rejection | undefined {
  if (signature.form === 'plain') return undefined;
  return { reason: 'invalid_exact_evm_signature', detail: 'The signature must be 65 bytes: r, s and v' };
}

function recipientMatches({ terms, authorization }: Transfer): Rejection | undefined {
  if (authorization.to === terms.payTo) return undefined;
  return { reason: 'invalid_exact_evm_recipient_mismatch', detail: 'authorization.to is not requirements.payTo' };
}

/** Asked once more before the signature, because a payment may have waited for that. */
export function isNotExpired(
  { authorization }: Pick<Transfer, 'authorization'>,
  { nowSeconds }: Pick<CheckContext, 'nowSeconds'>,
): Rejection | undefined {
  if (authorization.validBefore >= nowSeconds + settlementMarginSeconds) return undefined;
  const detail = `authorization.validBefore is past or less than ${settlementMarginSeconds} seconds away`;
  return { reason: 'invalid_exact_evm_payload_authorization_valid_before', detail };
}

function isAlreadyValid({ authorization }: Transfer, { nowSeconds }: CheckContext): Rejection | undefined {
  if (authorization.validAfter <= nowSeconds) return undefined;
  const detail = 'authorization.validAfter is in the future';
  return { reason: 'invalid_exact_evm_payload_authorization_valid_after', detail };
}

function valueMatches({ terms, authorization }: Transfer): Rejection | undefined {
  if (authorization.value === terms.amount) return undefined;
  const detail = `authorization.value is ${authorization.value}, the requirements ask for exactly ${terms.amount}`;
  return { reason: 'invalid_exact_evm_payload_authorization_value_mismatch', detail };
}

/** A payment to one of these moves no money to a merchant, and the last two are ways to burn our gas for nothing. */
function payeeIsSomeoneElse({ terms, authorization }: Transfer, { signers }: CheckContext): Rejection | undefined {
  const detail = payeeTrouble(terms, authorization.from, signers);
  return detail === undefined ? undefined : { reason: 'invalid_payment_requirements', detail };
}

function payeeTrouble(terms: Terms, payer: string, signers: ReadonlySet<string>): string | undefined {
  if (terms.payTo === zeroAddress) return 'requirements.payTo is the zero address';
  if (terms.payTo === terms.token) return 'requirements.payTo is the token itself';
  if (terms.payTo === payer) return 'requirements.payTo is the payer';
  return signers.has(terms.payTo) ? "requirements.payTo is a facilitator's own signer" : undefined;
}

function assetIsAllowed({ terms }: Transfer, { assets }: CheckContext): Rejection | undefined {
  if (assets.has(terms.token)) return undefined;
  return { reason: 'unsupported_asset', detail: `This facilitator does not settle the token ${terms.token}` };
}

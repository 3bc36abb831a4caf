import {
  unixSeconds,
  type Authorization,
  type Clock,
  type Network,
  type Payment,
  type Rejection,
} from '@tollkeeper/protocol';
import type { z } from 'zod';
import type { SignerRecovery } from '../curve/signer-recovery.js';
import { checks, type CheckContext, type Transfer } from './checks.js';
import { claimKey } from './claim-key.js';
import { namedPayer, TransferPayload } from './payload.js';
import { readPayerSignature } from './payer-signature.js';
import { readTerms } from './terms.js';
import { transferDigest } from './transfer-digest.js';

/** Like the protocol's `Examination`, with the transfer itself in place of the gate that follows. */
export type TransferExamination =
  | { readonly kind: 'refused'; readonly payer?: string; readonly rejection: Rejection }
  | { readonly kind: 'lapsed'; readonly authorization: Authorization; readonly rejection: Rejection }
  | { readonly kind: 'acceptable'; readonly authorization: Authorization; readonly transfer: Transfer };

/** What an examination needs besides the payment. */
export interface ExaminationParts extends Omit<CheckContext, 'nowSeconds'> {
  readonly network: Network;
  readonly clock: Clock;
  readonly signerRecovery: SignerRecovery;
}

/** Every check of an EIP-3009 payment that needs no RPC. Never throws for anything a caller may send. */
export async function examineTransfer(payment: Payment, parts: ExaminationParts): Promise<TransferExamination> {
  if (Object.hasOwn(payment.payload, 'permit2Authorization')) {
    const detail = 'Payments by Permit2 are not supported; pay with an EIP-3009 authorization';
    return refuse({ reason: 'unsupported_payload_type', detail }, namedPayer(payment.payload));
  }
  const payload = TransferPayload.safeParse(payment.payload);
  if (!payload.success) return refuse(malformed(payload.error), namedPayer(payment.payload));
  const { authorization, signature } = payload.data;
  const reading = readTerms(payment, parts.network);
  if (!reading.ok) return refuse(reading.rejection, authorization.from);

  const transfer = await findSigner(
    { terms: reading.terms, authorization, signature: readPayerSignature(signature) },
    parts.signerRecovery,
  );
  const finding = firstFailure(transfer, { ...parts, nowSeconds: unixSeconds(parts.clock) });
  if (finding === undefined) return { kind: 'acceptable', authorization: authorizationOf(transfer), transfer };
  if (!finding.lapsed) return refuse(finding.rejection, authorization.from);
  return { kind: 'lapsed', authorization: authorizationOf(transfer), rejection: finding.rejection };
}

async function findSigner(signed: Omit<Transfer, 'signedBy'>, recovery: SignerRecovery): Promise<Transfer> {
  const { terms, authorization, signature } = signed;
  if (signature.form === 'counterfactual' || signature.form === 'other') return { ...signed, signedBy: undefined };
  const digest = transferDigest(terms.domain, authorization);
  return { ...signed, signedBy: await recovery.recover(digest, signature.parts) };
}

/** The first failing check gives the reason; the payment has only lapsed if no other check says more than that. */
function firstFailure(
  transfer: Transfer,
  context: CheckContext,
): { rejection: Rejection; lapsed: boolean } | undefined {
  let first: Rejection | undefined;
  for (const check of checks) {
    const rejection = check.run(transfer, context);
    if (rejection === undefined) continue;
    first ??= rejection;
    if (!check.lapses) return { rejection: first, lapsed: false };
  }
  return first === undefined ? undefined : { rejection: first, lapsed: true };
}

function authorizationOf({ terms, authorization }: Transfer): Authorization {
  const { chainId, token } = terms.domain;
  return {
    scheme: 'exact',
    claimKey: claimKey({ chainId, token, payer: authorization.from, nonce: authorization.nonce }),
    payer: authorization.from,
    payTo: authorization.to,
    asset: { network: terms.network, token },
    amount: authorization.value,
    validBefore: authorization.validBefore,
  };
}

function malformed(error: z.ZodError): Rejection {
  const problems = error.issues.slice(0, 3).map((issue) => `payload.${issue.path.join('.')}: ${issue.message}`);
  return { reason: 'invalid_payload', detail: problems.join('; ') };
}

function refuse(rejection: Rejection, payer: string | undefined): TransferExamination {
  return { kind: 'refused', rejection, ...(payer === undefined ? {} : { payer }) };
}

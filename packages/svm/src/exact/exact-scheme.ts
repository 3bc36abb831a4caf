import type { SchemeHandler, Verdict } from '@tollkeeper/protocol';
import type { SvmLimits } from '../limits.js';
import type { SvmSigner } from '../signing/secret-key.js';
import { examinePayment, type ExaminedPayment } from './examine-payment.js';
import { planSettlement } from './plan-settlement.js';
import type { RecentBank } from './recent-bank.js';
import { verifyPayment, type VerificationParts } from './verify-payment.js';

/** The `exact` scheme on one Solana cluster (specification scheme_exact_svm, with its stricter rules). */
export function createExactScheme(
  parts: VerificationParts & {
    readonly recentBank: RecentBank;
    readonly signer: SvmSigner;
    readonly allowedMints: ReadonlySet<string>;
    readonly limits: SvmLimits;
  },
): SchemeHandler {
  const { network, signer, allowedMints, limits } = parts;
  const rules = { network, feePayer: signer.address, allowedMints, limits };

  async function verify(examined: ExaminedPayment): Promise<Verdict> {
    const proof = await verifyPayment(parts, examined);
    if (!proof.proven) return { valid: false, rejection: proof.rejection };
    return {
      valid: true,
      payment: {
        authorization: examined.authorization,
        verifiedAtBlock: undefined,
        room: undefined,
        plan: async () => ({ planned: true, plan: await planSettlement(parts, proof.payment) }),
      },
    };
  }

  return {
    scheme: 'exact',
    network,
    supported: () => ({ extra: publishedRules(signer.address, limits), signers: [signer.address] }),
    async examine(payment) {
      const result = examinePayment(payment, rules);
      if (!result.passed) {
        const { rejection, payer } = result;
        return { kind: 'refused', rejection, ...(payer === undefined ? {} : { payer }) };
      }
      const { authorization } = result.payment;
      return { kind: 'acceptable', payment: { authorization, verify: () => verify(result.payment) } };
    },
  };
}

/** What a client must know to build a payment that we take. The same at every call: clients may cache it. */
function publishedRules(feePayer: string, limits: SvmLimits): Readonly<Record<string, unknown>> {
  return {
    feePayer,
    maxComputeUnits: limits.computeUnitsMax,
    maxComputeUnitPriceMicroLamports: limits.computeUnitPriceMaxMicroLamports.toString(),
    maxRequiredSignatures: 2,
    addressLookupTables: false,
  };
}

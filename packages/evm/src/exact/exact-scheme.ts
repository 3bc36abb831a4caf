import {
  type AcceptablePayment,
  type Clock,
  type Network,
  type SchemeHandler,
  unixSeconds,
  type VerifiedPayment,
} from '@tollkeeper/protocol';
import type { FeeQuoting } from '../chain/fee-quote.js';
import type { TransactionSigner } from '../chain/transaction-signer.js';
import type { Curve } from '../curve/curve.js';
import type { EvmNode } from '../rpc/evm-node.js';
import type { TransferSimulation } from '../simulation/transfer-simulation.js';
import type { CodeLookup } from './code-lookup.js';
import { examineTransfer, type TransferExamination } from './examine.js';
import { planTransfer } from './plan-transfer.js';
import { verifyTransfer } from './verify-transfer.js';

/** What the scheme needs of one network. */
export interface ExactSchemeParts {
  readonly network: Network;
  readonly node: EvmNode;
  readonly clock: Clock;
  readonly curve: Curve;
  readonly code: CodeLookup;
  readonly simulate: TransferSimulation;
  readonly quoteFee: FeeQuoting;
  /** Signs every settlement. */
  readonly signer: TransactionSigner;
  /** The addresses of all our signers on this network. */
  readonly signers: readonly string[];
  /** Canonical addresses of the tokens that may be settled. */
  readonly assets: readonly string[];
  readonly gasLimitMax: bigint;
}

/** The scheme `exact` by EIP-3009 for payers with a key of their own. */
export function createExactScheme(parts: ExactSchemeParts): SchemeHandler {
  const assets = new Set(parts.assets);
  const signers = new Set(parts.signers);

  return {
    scheme: 'exact',
    network: parts.network,
    supported: () => ({ signers: parts.signers }),
    examine(payment) {
      const context = { curve: parts.curve, nowSeconds: unixSeconds(parts.clock), assets, signers };
      const examination = examineTransfer(payment, parts.network, context);
      if (examination.kind !== 'acceptable') return examination;
      return { kind: 'acceptable', payment: acceptablePayment(parts, examination) };
    },
  };
}

function acceptablePayment(
  parts: ExactSchemeParts,
  { authorization, transfer }: Extract<TransferExamination, { kind: 'acceptable' }>,
): AcceptablePayment {
  const verified: VerifiedPayment = { authorization, plan: () => planTransfer(parts, transfer) };
  return {
    authorization,
    async verify() {
      const rejection = await verifyTransfer(parts, transfer);
      return rejection === undefined ? { valid: true, payment: verified } : { valid: false, rejection };
    },
  };
}

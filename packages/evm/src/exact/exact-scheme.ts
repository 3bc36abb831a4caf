import {
  type AcceptablePayment,
  type Authorization,
  type Clock,
  type Network,
  type PlanResult,
  type SchemeHandler,
  unixSeconds,
  type VerifiedPayment,
} from '@tollkeeper/protocol';
import type { FeeQuoting } from '../chain/fee-quote.js';
import type { SharedTransactions } from '../chain/shared-transactions.js';
import type { TransactionSigner } from '../chain/transaction-signer.js';
import type { Turns } from '../chain/turns.js';
import type { SignerRecovery } from '../curve/signer-recovery.js';
import type { BlockGas } from '../gas/block-gas.js';
import type { GasModel } from '../gas/gas-model.js';
import type { EvmNode } from '../rpc/evm-node.js';
import type { TransferSimulation } from '../simulation/transfer-simulation.js';
import { isNotExpired } from './checks.js';
import type { CodeLookup } from './code-lookup.js';
import { examineTransfer } from './examine.js';
import { planTogether, roomOfTransfer } from './plan-together.js';
import { planTransfer } from './plan-transfer.js';
import type { ReadTokenState } from './token-state.js';
import { type ProvenTransfer, verifyTransfer } from './verify-transfer.js';

/** What the scheme needs of one network. */
export interface ExactSchemeParts {
  readonly network: Network;
  readonly node: EvmNode;
  readonly clock: Clock;
  readonly signerRecovery: SignerRecovery;
  readonly code: CodeLookup;
  readonly simulate: TransferSimulation;
  readonly readTokenState: ReadTokenState;
  /** Waits for its turn: what is judged alone costs calls of its own. */
  readonly inTurn: Turns;
  readonly quoteFee: FeeQuoting;
  readonly blockGas: BlockGas;
  readonly gasModel: GasModel;
  readonly shared: SharedTransactions;
  /** All our signers on this network, by address. */
  readonly signers: ReadonlyMap<string, TransactionSigner>;
  /** The address that simulations are sent from. */
  readonly sender: string;
  /** Canonical addresses of the tokens that may be settled. */
  readonly assets: readonly string[];
  readonly gasLimitMax: bigint;
}

/** The scheme `exact` by EIP-3009 for payers with a key of their own. */
export function createExactScheme(parts: ExactSchemeParts): SchemeHandler {
  const { network, clock, signerRecovery } = parts;
  const assets = new Set(parts.assets);
  const signers = new Set(parts.signers.keys());
  const verified = createVerification(parts);

  return {
    scheme: 'exact',
    network,
    supported: () => ({ signers: [...signers] }),
    async examine(payment) {
      const examination = await examineTransfer(payment, { network, clock, signerRecovery, assets, signers });
      if (examination.kind !== 'acceptable') return examination;
      const { authorization, transfer } = examination;
      const acceptable: AcceptablePayment = {
        authorization,
        async verify() {
          const proof = await verifyTransfer(parts, transfer);
          return proof.valid ? { valid: true, payment: verified(authorization, proof.proven) } : proof;
        },
      };
      return { kind: 'acceptable', payment: acceptable };
    },
  };
}

/** Gives the gate that follows a proof, and knows what stands behind each that it gave. */
function createVerification(
  parts: ExactSchemeParts,
): (authorization: Authorization, proven: ProvenTransfer) => VerifiedPayment {
  const proofs = new WeakMap<VerifiedPayment, ProvenTransfer>();

  function proofOf(payment: VerifiedPayment): ProvenTransfer {
    const proof = proofs.get(payment);
    if (proof === undefined) throw new TypeError('Only payments of one network and scheme share a transaction');
    return proof;
  }

  async function plan(proven: ProvenTransfer, options: Parameters<VerifiedPayment['plan']>[0]): Promise<PlanResult> {
    const signer = parts.signers.get(options.signer);
    if (signer === undefined) throw new RangeError(`${options.signer} does not sign for us on ${parts.network}`);
    const company = options.company.map(proofOf);
    return company.length === 0
      ? planTransfer(parts, proven, signer)
      : planTogether(parts, [proven, ...company], signer);
  }

  return (authorization, proven) => {
    let room: bigint | undefined;
    const verified: VerifiedPayment = {
      authorization,
      verifiedAtBlock: proven.block,
      // Counts the bytes, which only a settlement needs.
      get room() {
        return (room ??= roomOfTransfer(proven));
      },
      plan: (options) => plan(proven, options),
      expiry: () => isNotExpired(proven.transfer, { nowSeconds: unixSeconds(parts.clock) }),
    };
    proofs.set(verified, proven);
    return verified;
  };
}

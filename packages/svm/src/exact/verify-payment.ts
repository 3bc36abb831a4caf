import { Fault, type Brand, type FaultFacts, type Network, type Rejection } from '@tollkeeper/protocol';
import { describeTransactionError, isFeePayerTrouble, isTransactionRefused } from '../rpc/rpc-error.js';
import type { Simulation, SolanaRpc } from '../rpc/solana-rpc.js';
import type { MintFacts } from '../token/mint-facts.js';
import type { MintRegistry } from '../token/mint-registry.js';
import { readTokenAccount } from '../token/token-account.js';
import { serializeTransaction } from '../transaction/serialize-transaction.js';
import type { ExaminedPayment } from './examine-payment.js';

/** A payment that the chain would carry out now. Only {@link verifyPayment} makes one, and only such a one is signed. */
export type ProvenPayment = Brand<ExaminedPayment & { readonly simulatedInSlot: bigint }, 'ProvenPayment'>;

export type Proof =
  | { readonly proven: true; readonly payment: ProvenPayment }
  | { readonly proven: false; readonly rejection: Rejection };

export interface VerificationParts {
  readonly network: Network;
  readonly rpc: SolanaRpc;
  readonly mints: MintRegistry;
  readonly onWarning: (message: string, facts?: FaultFacts) => void;
}

/**
 * Asks the chain: one simulation, and once a minute a look at the mint. The layout is fixed by the local checks, so that a
 * simulation without error of a mint without surprises moves exactly the amount; the evidence is read again once it landed.
 * @throws Fault `CHAIN_RPC_UNAVAILABLE` when the chain did not answer, `SIGNER_UNFUNDED` when our fee payer cannot pay; those are no
 * verdicts.
 */
export async function verifyPayment(parts: VerificationParts, payment: ExaminedPayment): Promise<Proof> {
  const { transfer, transaction } = payment;
  const [answer, mint] = await Promise.all([
    parts.rpc.simulate(serializeTransaction(transaction), transfer.destination),
    parts.mints.factsOf(transfer.mint),
  ]);
  if (answer.refused) {
    if (isTransactionRefused(answer.code)) return unproven(simulationFailed('The chain refuses the transaction'));
    const facts = { network: parts.network, method: 'simulateTransaction', detail: `refused with code ${answer.code}` };
    throw new Fault('CHAIN_RPC_UNAVAILABLE', facts);
  }
  const simulation = answer.result;
  if (isFeePayerTrouble(simulation.error)) {
    parts.onWarning('The fee payer cannot pay network fees; fund it', { mint: transfer.mint });
    throw new Fault('SIGNER_UNFUNDED', { network: parts.network });
  }
  const rejection = judgeError(simulation) ?? judgeMint(mint, payment) ?? judgeDestination(simulation, payment);
  if (rejection !== undefined) return unproven(rejection);
  return { proven: true, payment: { ...payment, simulatedInSlot: simulation.slot } as ProvenPayment };
}

function judgeError({ error }: Simulation): Rejection | undefined {
  return error === null ? undefined : simulationFailed(describeTransactionError(error));
}

function judgeMint(mint: MintFacts, { transfer }: ExaminedPayment): Rejection | undefined {
  if (!mint.usable) return { reason: 'unsupported_asset', detail: mint.detail };
  if (mint.program !== transfer.program) return simulationFailed('The token belongs to the other token program');
  return undefined;
}

/** Looks at the destination as the simulation left it. */
function judgeDestination(
  { account }: Simulation,
  { authorization, transfer }: ExaminedPayment,
): Rejection | undefined {
  // Some nodes do not return accounts; then there is nothing to compare.
  if (account === undefined) return undefined;
  const destination = readTokenAccount(account);
  if (destination?.mint !== transfer.mint || destination.program !== transfer.program) {
    return simulationFailed('The destination is no account of this token');
  }
  if (destination.owner !== authorization.payTo) {
    return {
      reason: 'invalid_exact_svm_payload_recipient_mismatch',
      detail: "payTo's associated token account was handed to another owner",
    };
  }
  if (destination.amount < transfer.amount) return simulationFailed('The destination would not receive the amount');
  return undefined;
}

function simulationFailed(detail: string): Rejection {
  return { reason: 'invalid_exact_svm_transaction_simulation_failed', detail };
}

function unproven(rejection: Rejection): Proof {
  return { proven: false, rejection };
}

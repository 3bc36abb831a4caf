import type { Payment, SignedTransaction, SubmittedTransaction, VerifiedPayment } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, sandboxKeys } from '@tollkeeper/sandbox';
import { expect } from 'vitest';
import {
  bytesToHex,
  type Hex,
  parseTransaction,
  recoverTransactionAddress,
  type TransactionSerializedEIP1559,
} from 'viem';
import { offeredPayment } from './evm-payment.js';
import type { EvmSetup } from './evm-setup.js';

type Network = ReturnType<EvmSetup['network']>;

/** Payments by payers of their own, each to the payee that is named for its place. */
export async function paymentsTo(setup: EvmSetup, payees: readonly string[], token: Hex = BASE_SEPOLIA_USDC) {
  return Promise.all(
    payees.map(async (payTo) => offeredPayment({ ...(await setup.payer({ token })), token, payTo, value: 10_000n })),
  );
}

/** One signed transaction for all of these payments. */
export interface SharedTransaction {
  readonly signed: SignedTransaction;
  readonly submitted: readonly SubmittedTransaction[];
  /** What viem reads in its bytes. */
  readonly transaction: { readonly from: string; readonly gasLimit: bigint; readonly maxFeePerGas: bigint };
}

export async function signTogether(
  evm: Network,
  payments: readonly Payment[],
  signer: string = sandboxKeys.evm.facilitator.address,
): Promise<SharedTransaction> {
  return signVerified(evm, await Promise.all(payments.map((payment) => evm.verify(payment))), signer);
}

/** Plans and signs for payments that were verified before. */
export async function signVerified(
  evm: Network,
  verified: readonly VerifiedPayment[],
  signer: string = sandboxKeys.evm.facilitator.address,
): Promise<SharedTransaction> {
  const [first, ...company] = verified;
  const planning = await first?.plan({ signer, company });
  if (planning?.planned !== true) return expect.fail(JSON.stringify(planning?.rejection));
  const signed = planning.plan.sign(await evm.chain.nextAccountNonce(signer));
  const serializedTransaction = bytesToHex(signed.raw) as TransactionSerializedEIP1559;
  const { gas: gasLimit = 0n, maxFeePerGas = 0n } = parseTransaction(serializedTransaction);
  expect(planning.plan.maximumFee).toBe(gasLimit * maxFeePerGas);
  return {
    signed,
    transaction: { from: await recoverTransactionAddress({ serializedTransaction }), gasLimit, maxFeePerGas },
    submitted: verified.map(({ authorization, verifiedAtBlock }) => ({
      id: signed.id,
      raw: signed.raw,
      expected: { ...authorization, ...(verifiedAtBlock === undefined ? {} : { unusedAtBlock: verifiedAtBlock }) },
    })),
  };
}

/** Sends a transaction and waits until it is mined. */
export async function mine(setup: EvmSetup, evm: Network, signed: SignedTransaction): Promise<MinedReceipt> {
  expect(await evm.chain.broadcast(signed)).toEqual({ accepted: true });
  await setup.mined(signed.id);
  const receipt = (await setup.anvil.rpc('eth_getTransactionReceipt', [signed.id])) as {
    gasUsed: Hex;
    status: Hex;
    logs: readonly unknown[];
  };
  return { gasUsed: BigInt(receipt.gasUsed), succeeded: receipt.status === '0x1', logs: receipt.logs.length };
}

export interface MinedReceipt {
  readonly gasUsed: bigint;
  readonly succeeded: boolean;
  readonly logs: number;
}

import { getBase58Decoder } from '@solana/kit';
import { createTransferCheckedInstruction, getAssociatedTokenAddressSync, TOKEN_PROGRAM_ID } from '@solana/spl-token';
import {
  ComputeBudgetProgram,
  Keypair,
  PublicKey,
  Transaction,
  TransactionInstruction,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js';
import { amount, type Payment, type PaymentRequirements, solanaDevnet } from '@tollkeeper/protocol';
import { sandboxKeys } from '@tollkeeper/sandbox';

/** Builds payments as a stock client does, and every wrong one that a test needs. */

export const usdc = '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU';
export const feePayer = sandboxKeys.svm.facilitator;
export const buyer = Keypair.fromSeed(sandboxKeys.svm.buyer.seed);
export const merchant = sandboxKeys.svm.merchant.address;
const memoProgram = new PublicKey('MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr');
export const lighthouseProgram = new PublicKey('L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95');
export const price = amount(10_000n);

/** Any blockhash, for checks that ask no chain. */
export const anyBlockhash = PublicKey.default.toBase58();

function requirementsOf(changes: Partial<PaymentRequirements> = {}): PaymentRequirements {
  return {
    scheme: 'exact',
    network: solanaDevnet,
    amount: price,
    asset: usdc,
    payTo: merchant,
    maxTimeoutSeconds: 60,
    extra: { feePayer: feePayer.address },
    ...changes,
  };
}

export function paymentOf(
  transaction: unknown,
  changes: { requirements?: Partial<PaymentRequirements>; accepted?: Partial<Payment['accepted']> } = {},
): Payment {
  return {
    x402Version: 2,
    accepted: { scheme: 'exact', network: solanaDevnet, ...changes.accepted },
    requirements: requirementsOf(changes.requirements),
    payload: { transaction },
  };
}

export const computeLimit = (units = 20_000) => ComputeBudgetProgram.setComputeUnitLimit({ units });
export const computePrice = (microLamports: number | bigint = 1) =>
  ComputeBudgetProgram.setComputeUnitPrice({ microLamports });

export interface TransferSpec {
  readonly mint?: string;
  readonly payTo?: string;
  readonly amount?: bigint;
  readonly authority?: PublicKey;
  readonly owner?: PublicKey;
  readonly decimals?: number;
  readonly program?: PublicKey;
}

export function transferInstruction(spec: TransferSpec = {}): TransactionInstruction {
  const program = spec.program ?? TOKEN_PROGRAM_ID;
  const mint = new PublicKey(spec.mint ?? usdc);
  const authority = spec.authority ?? buyer.publicKey;
  const source = getAssociatedTokenAddressSync(mint, spec.owner ?? authority, true, program);
  const destination = getAssociatedTokenAddressSync(mint, new PublicKey(spec.payTo ?? merchant), true, program);
  const { amount: units = price, decimals = 6 } = spec;
  return createTransferCheckedInstruction(source, mint, destination, authority, units, decimals, [], program);
}

export function memoInstruction(text: string, accounts: readonly PublicKey[] = []): TransactionInstruction {
  return new TransactionInstruction({
    programId: memoProgram,
    keys: accounts.map((pubkey) => ({ pubkey, isSigner: false, isWritable: false })),
    data: Buffer.from(text),
  });
}

export const standardInstructions = (transfer: TransferSpec = {}): TransactionInstruction[] => [
  computeLimit(),
  computePrice(),
  transferInstruction(transfer),
];

export interface TransactionSpec {
  readonly instructions: TransactionInstruction[];
  readonly feePayer?: PublicKey;
  readonly signers?: readonly Keypair[];
  readonly blockhash?: string;
  readonly legacy?: boolean;
}

/** Compiles and signs; the fee payer's place stays empty, as a client leaves it. */
export function signTransaction(spec: TransactionSpec): VersionedTransaction {
  const message = new TransactionMessage({
    payerKey: spec.feePayer ?? new PublicKey(feePayer.address),
    recentBlockhash: spec.blockhash ?? anyBlockhash,
    instructions: spec.instructions,
  });
  const compiled = spec.legacy === true ? message.compileToLegacyMessage() : message.compileToV0Message();
  const transaction = new VersionedTransaction(compiled);
  transaction.sign([...(spec.signers ?? [buyer])]);
  return transaction;
}

export function encode(transaction: VersionedTransaction | Transaction | Uint8Array): string {
  const bytes = transaction instanceof Uint8Array ? transaction : transaction.serialize();
  return Buffer.from(bytes).toString('base64');
}

/** The base64 of a signed transaction with the instructions of a stock client, or with others. */
export function transactionText(spec: Partial<TransactionSpec> & { transfer?: TransferSpec } = {}): string {
  return encode(signTransaction({ instructions: standardInstructions(spec.transfer), ...spec }));
}

/** Solana's text form of bytes that are no address, such as a signature or a secret key. */
export function encodeBase58(bytes: Uint8Array): string {
  return getBase58Decoder().decode(bytes);
}

import { Keypair, PublicKey, TransactionInstruction } from '@solana/web3.js';
import { solanaDevnet, systemClock, type Examination, type Payment } from '@tollkeeper/protocol';
import { createSvmNetwork } from '@tollkeeper/svm/network';
import { buyer, feePayer, paymentOf, standardInstructions, transactionText, usdc } from './solana-payment.js';

const unreachable = 'http://127.0.0.1:9';
export const stranger = Keypair.generate();
export const feePayerKey = new PublicKey(feePayer.address);

export const [scheme] = createSvmNetwork({
  network: solanaDevnet,
  rpcUrls: [unreachable],
  feePayerKey: feePayer.privateKeyBase58,
  assets: [usdc],
  clock: systemClock,
  onRpcCall: () => {
    throw new Error('examining asks no chain');
  },
  onWarning: () => {
    throw new Error('examining warns of nothing');
  },
}).schemes;

export async function examine(payment: Payment): Promise<Examination> {
  if (scheme === undefined) throw new Error('There is no scheme');
  return scheme.examine(payment);
}

export async function reasonOf(payment: Payment): Promise<string> {
  const examination = await examine(payment);
  return examination.kind === 'acceptable' ? 'acceptable' : examination.rejection.reason;
}

export const reasonOfInstructions = (instructions: TransactionInstruction[], signers = [buyer]): Promise<string> =>
  reasonOf(paymentOf(transactionText({ instructions, signers })));

export const raw = (programId: PublicKey, data: readonly number[] = [], keys: TransactionInstruction['keys'] = []) =>
  new TransactionInstruction({ programId, keys, data: Buffer.from(data) });

export const replaced = (place: number, instruction: TransactionInstruction): TransactionInstruction[] =>
  standardInstructions().with(place, instruction);

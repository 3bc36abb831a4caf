import { Keypair, VersionedTransaction } from '@solana/web3.js';
import { solanaDevnet, solanaMainnet } from '@tollkeeper/protocol';
import { expect, test } from 'vitest';
import { feePayer, paymentOf, transactionText, usdc } from '../../../../test/svm/solana-payment.js';
import { encodeBase58 } from '../address/base58.js';
import { defaultSvmLimits } from '../limits.js';
import { isSignatureValid } from '../signing/ed25519.js';
import { readSvmSigner } from '../signing/secret-key.js';
import { claimKeyOf } from './claim-key.js';
import { examinePayment } from './examine-payment.js';
import { planSettlement } from './plan-settlement.js';
import type { RecentBank } from './recent-bank.js';
import type { ProvenPayment } from './verify-payment.js';

const signer = readSvmSigner(encodeBase58(Keypair.fromSeed(feePayer.seed).secretKey));
if (signer === undefined) throw new Error('The sandbox key is no key');

function proven(simulatedInSlot: bigint): ProvenPayment {
  const rules = {
    network: solanaDevnet,
    feePayer: feePayer.address,
    allowedMints: new Set([usdc]),
    limits: defaultSvmLimits,
  };
  const examined = examinePayment(paymentOf(transactionText()), rules);
  if (!examined.passed) throw new Error(examined.rejection.detail);
  return { ...examined.payment, simulatedInSlot } as ProvenPayment;
}

const bankAt = (slot: bigint, blockHeight: bigint) => () => Promise.resolve({ slot, blockHeight });

test('the last height counts from the bank that simulated, also when the one that is asked for is older', async () => {
  const lastHeight = async (recentBank: RecentBank) =>
    (await planSettlement({ recentBank, signer }, proven(1000n))).sign(undefined).lastValidBlockHeight;
  expect(await lastHeight(bankAt(1000n, 800n))).toBe(950n);
  expect(await lastHeight(bankAt(1010n, 810n))).toBe(960n);
  expect(await lastHeight(bankAt(990n, 790n))).toBe(950n);
});

test('signing fills the place of the fee payer and leaves everything else as the buyer signed it', async () => {
  const plan = await planSettlement({ recentBank: bankAt(1n, 1n), signer }, proven(1n));
  expect(plan).toMatchObject({ signer: feePayer.address, ordered: false });
  const signed = plan.sign(undefined);
  expect(plan.sign(undefined)).toEqual(signed);
  const before = VersionedTransaction.deserialize(Buffer.from(transactionText(), 'base64'));
  const after = VersionedTransaction.deserialize(signed.raw);
  const [ours = new Uint8Array(), buyers] = after.signatures;
  expect(encodeBase58(ours)).toBe(signed.id);
  expect(buyers).toEqual(before.signatures[1]);
  const message = after.message.serialize();
  expect(message).toEqual(before.message.serialize());
  expect(isSignatureValid({ publicKey: signer.publicKey, signature: ours, message })).toBe(true);
});

test('one message is another claim on another cluster', () => {
  const message = Uint8Array.of(1, 2, 3);
  expect(claimKeyOf(solanaDevnet, message)).toBe(claimKeyOf(solanaDevnet, message));
  expect(claimKeyOf(solanaDevnet, message)).not.toBe(claimKeyOf(solanaMainnet, message));
});

import {
  createApproveCheckedInstruction,
  createApproveInstruction,
  createAssociatedTokenAccountIdempotentInstruction,
  createAssociatedTokenAccountInstruction,
  createBurnInstruction,
  createCloseAccountInstruction,
  createSetAuthorityInstruction,
  createSyncNativeInstruction,
  createTransferInstruction,
  AuthorityType,
} from '@solana/spl-token';
import { ComputeBudgetProgram, Keypair, PublicKey, SystemProgram, TransactionInstruction } from '@solana/web3.js';
import { solanaDevnet, type SchemeHandler } from '@tollkeeper/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  buyer,
  feePayer,
  lighthouseProgram,
  memoInstruction,
  paymentOf,
  standardInstructions,
  transactionText,
  transferInstruction,
  usdc,
} from '../../../../test/svm/solana-payment.js';
import { defaultSvmLimits } from '../limits.js';
import type { SolanaRpc } from '../rpc/solana-rpc.js';
import { readSvmSigner } from '../signing/secret-key.js';
import type { MintRegistry } from '../token/mint-registry.js';
import { createExactScheme } from './exact-scheme.js';

/** Stands for a part that these payments must never reach. */
function untouchable(name: string): unknown {
  const refuse = () => {
    throw new Error(`${name} was used`);
  };
  return new Proxy({}, { get: () => refuse });
}

function schemeThatMustNotSign(): SchemeHandler {
  const signer = readSvmSigner(feePayer.privateKeyBase58);
  if (signer === undefined) throw new Error('The sandbox key is no key');
  const sign = (): never => {
    throw new Error('The fee payer signed');
  };
  return createExactScheme({
    network: solanaDevnet,
    signer: { ...signer, sign },
    rpc: untouchable('The RPC') as SolanaRpc,
    mints: untouchable('The mint registry') as MintRegistry,
    recentBank: () => {
      throw new Error('A bank was asked for');
    },
    allowedMints: new Set([usdc]),
    limits: defaultSvmLimits,
    onWarning: (message) => {
      throw new Error(message);
    },
  });
}

const scheme = schemeThatMustNotSign();
const payer = new PublicKey(feePayer.address);
const stranger = Keypair.fromSeed(new Uint8Array(32).fill(5)).publicKey;
const nonce = Keypair.fromSeed(new Uint8Array(32).fill(6)).publicKey;
const mint = new PublicKey(usdc);
const systemTransfer = SystemProgram.transfer({ fromPubkey: payer, toPubkey: stranger, lamports: 1_000_000 });

/** What could cost the fee payer more than the network fee, with the fee payer in each role that it has there. */
const dangerous: Record<string, TransactionInstruction> = {
  'System transfer': systemTransfer,
  'System assign': SystemProgram.assign({ accountPubkey: payer, programId: stranger }),
  'System allocate': SystemProgram.allocate({ accountPubkey: payer, space: 10 }),
  'System create account': SystemProgram.createAccount({
    fromPubkey: payer,
    newAccountPubkey: buyer.publicKey,
    lamports: 1,
    space: 0,
    programId: stranger,
  }),
  'System advance nonce': SystemProgram.nonceAdvance({ noncePubkey: nonce, authorizedPubkey: payer }),
  'System withdraw nonce': SystemProgram.nonceWithdraw({
    noncePubkey: nonce,
    authorizedPubkey: payer,
    toPubkey: stranger,
    lamports: 1,
  }),
  'Token transfer': createTransferInstruction(stranger, nonce, payer, 1n),
  'Token approve': createApproveInstruction(stranger, nonce, payer, 1n),
  'Token approve checked': createApproveCheckedInstruction(stranger, mint, nonce, payer, 1n, 6),
  'Token close account': createCloseAccountInstruction(stranger, payer, payer),
  'Token set authority': createSetAuthorityInstruction(stranger, payer, AuthorityType.AccountOwner, nonce),
  'Token burn': createBurnInstruction(stranger, mint, payer, 1n),
  'Token sync native': createSyncNativeInstruction(payer),
  'Create token account': createAssociatedTokenAccountInstruction(payer, stranger, nonce, mint),
  'Create token account idempotently': createAssociatedTokenAccountIdempotentInstruction(payer, stranger, nonce, mint),
  'TransferChecked as authority': transferInstruction({ authority: payer }),
  'TransferChecked as payee': transferInstruction({ payTo: feePayer.address }),
};

const instructionsWith = (place: number, instruction: TransactionInstruction, replace: boolean) =>
  standardInstructions().toSpliced(place, replace ? 1 : 0, instruction);

async function expectRefused(instructions: TransactionInstruction[]): Promise<string> {
  const needsBuyer = instructions.some(({ keys }) =>
    keys.some((key) => key.isSigner && key.pubkey.equals(buyer.publicKey)),
  );
  const transaction = transactionText({ instructions, signers: needsBuyer ? [buyer] : [] });
  const examination = await scheme.examine(paymentOf(transaction));
  if (examination.kind !== 'refused') throw new Error(`The payment is ${examination.kind}`);
  return examination.rejection.reason;
}

test.each(Object.entries(dangerous))('%s is refused in every place, and nothing is signed', async (_, instruction) => {
  for (let place = 0; place <= 3; place += 1) {
    await expectRefused(instructionsWith(place, instruction, false));
    if (place < 3) await expectRefused(instructionsWith(place, instruction, true));
  }
});

const programs = [
  SystemProgram.programId,
  ComputeBudgetProgram.programId,
  transferInstruction().programId,
  memoInstruction('').programId,
  lighthouseProgram,
  stranger,
];

test('any instruction of any program with the fee payer among its accounts is refused, and nothing is signed', async () => {
  const role = fc.record({ isSigner: fc.boolean(), isWritable: fc.boolean() });
  const others = fc.array(fc.constantFrom(stranger, nonce, mint), { maxLength: 3 });
  const made = fc
    .record({
      programId: fc.constantFrom(...programs),
      before: others,
      after: others,
      role,
      data: fc.uint8Array({ maxLength: 20 }),
    })
    .map(({ programId, before, after, role: { isSigner, isWritable }, data }) => {
      const plain = (pubkey: PublicKey) => ({ pubkey, isSigner: false, isWritable: false });
      const keys = [...before.map(plain), { pubkey: payer, isSigner, isWritable }, ...after.map(plain)];
      return new TransactionInstruction({ programId, keys, data: Buffer.from(data) });
    });
  await fc.assert(
    fc.asyncProperty(made, fc.nat({ max: 3 }), async (instruction, place) => {
      await expectRefused(instructionsWith(place, instruction, false));
    }),
    { numRuns: 200 },
  );
});

test('the fee payer slipped into the accounts of any instruction of a good payment is refused', async () => {
  const good = () => [...standardInstructions(), memoInstruction('note')];
  const slip = fc.record({
    place: fc.nat({ max: 3 }),
    position: fc.nat({ max: 4 }),
    isSigner: fc.boolean(),
    isWritable: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(slip, async ({ place, position, isSigner, isWritable }) => {
      const instructions = good();
      instructions[place]?.keys.splice(position, 0, { pubkey: payer, isSigner, isWritable });
      await expectRefused(instructions);
    }),
    { numRuns: 200 },
  );
});

test('in a memo, an assertion or behind the transfer it is named as what it is', async () => {
  const included = 'invalid_exact_svm_payload_transaction_fee_payer_included_in_instruction_accounts';
  expect(await expectRefused([...standardInstructions(), memoInstruction('note', [payer])])).toBe(included);
  const transfer = transferInstruction();
  transfer.keys.push({ pubkey: payer, isSigner: false, isWritable: false });
  expect(await expectRefused(standardInstructions().with(2, transfer))).toBe(included);
  expect(await expectRefused(standardInstructions().with(2, transferInstruction({ authority: payer })))).toBe(
    'invalid_exact_svm_payload_transaction_fee_payer_transferring_funds',
  );
});

import {
  AuthorityType,
  createApproveInstruction,
  createSetAuthorityInstruction,
  getAssociatedTokenAddressSync,
  TOKEN_2022_PROGRAM_ID,
} from '@solana/spl-token';
import { createKeyPairSignerFromBytes, createSolanaRpc, devnet } from '@solana/kit';
import {
  AddressLookupTableAccount,
  AddressLookupTableProgram,
  Keypair,
  PublicKey,
  SystemProgram,
  TransactionInstruction,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js';
import { amount, solanaDevnet, solanaMainnet, systemClock, type Payment } from '@tollkeeper/protocol';
import { sandboxKeys, startSolanaChain, type SolanaChain } from '@tollkeeper/sandbox';
import { createSvmNetwork, type SvmNetwork } from '@tollkeeper/svm/network';
import { toFacilitatorSvmSigner } from '@x402/svm';
import { ExactSvmScheme } from '@x402/svm/exact/facilitator';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { latestBlockhash } from '../svm/latest-blockhash.js';
import {
  buyer,
  computeLimit,
  computePrice,
  encode,
  encodeBase58,
  feePayer,
  lighthouseProgram,
  memoInstruction,
  merchant,
  paymentOf,
  price,
  signTransaction,
  standardInstructions,
  transferInstruction,
  usdc,
  type TransactionSpec,
} from '../svm/solana-payment.js';
import { svmDifferences, thrown } from './differences.js';

const feePayerKey = new PublicKey(feePayer.address);
const stranger = Keypair.fromSeed(sandboxKeys.svm.stranger.seed);
const poor = Keypair.generate();
const naive = Keypair.generate();
const unlisted = Keypair.generate().publicKey.toBase58();
const withFee = Keypair.generate().publicKey.toBase58();
const token2022 = Keypair.generate().publicKey.toBase58();

let chain: SolanaChain;
let ours: SvmNetwork;
let reference: ExactSvmScheme;
let lookupTable: AddressLookupTableAccount;

beforeAll(async () => {
  // The reference prints what it cannot decode.
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  // A blockhash lives for fifteen seconds then, in which both verify the payment.
  chain = await startSolanaChain({ slotMs: 100, commitmentLag: { confirmed: 1, finalized: 4 } });
  chain.createToken({ mint: usdc, decimals: 6, program: 'token' });
  chain.createToken({ mint: unlisted, decimals: 6, program: 'token' });
  chain.createToken({ mint: token2022, decimals: 6, program: 'token-2022' });
  const transferFee = { basisPoints: 100, maximumFee: 1_000n };
  chain.createToken({ mint: withFee, decimals: 6, program: 'token-2022', transferFee });
  for (const owner of [
    buyer.publicKey.toBase58(),
    merchant,
    feePayer.address,
    usdc,
    naive.publicKey.toBase58(),
    stranger.publicKey.toBase58(),
  ]) {
    for (const mint of [usdc, unlisted, token2022, withFee]) chain.fundToken({ mint, owner, amount: 1_000_000n });
  }
  chain.fundToken({ mint: usdc, owner: poor.publicKey.toBase58(), amount: 1n });
  chain.fundSol(feePayer.address, 10_000_000_000n);

  ours = createSvmNetwork({
    network: solanaDevnet,
    rpcUrls: [chain.url],
    feePayerKey: feePayer.privateKeyBase58,
    assets: [usdc, token2022, withFee],
    clock: systemClock,
    onRpcCall: () => undefined,
    onWarning: () => undefined,
  });
  const secretKey = Keypair.fromSeed(feePayer.seed).secretKey;
  const signer = toFacilitatorSvmSigner(await createKeyPairSignerFromBytes(secretKey), {
    [solanaDevnet]: createSolanaRpc(devnet(chain.url)),
  });
  // Its limits are off by default; with ours switched on there, their reasons can be compared.
  reference = new ExactSvmScheme(signer, undefined, { maxRequiredSignatures: 2, maxComputeUnits: 200_000 });
  await prepareChain();
});
afterAll(() => chain.stop());

/** Hands over a token account, lends another one and makes a lookup table, as any stranger could. */
async function prepareChain(): Promise<void> {
  const account = getAssociatedTokenAddressSync(new PublicKey(usdc), naive.publicKey);
  const handOver = createSetAuthorityInstruction(
    account,
    naive.publicKey,
    AuthorityType.AccountOwner,
    stranger.publicKey,
  );
  const lent = getAssociatedTokenAddressSync(new PublicKey(usdc), stranger.publicKey);
  const lend = createApproveInstruction(lent, buyer.publicKey, stranger.publicKey, 1_000_000n);
  const owner = Keypair.fromSeed(feePayer.seed);
  const [create, key] = AddressLookupTableProgram.createLookupTable({
    authority: feePayerKey,
    payer: feePayerKey,
    recentSlot: chain.slot() - 1,
  });
  const addresses = [new PublicKey(usdc)];
  const extend = AddressLookupTableProgram.extendLookupTable({
    lookupTable: key,
    authority: feePayerKey,
    payer: feePayerKey,
    addresses,
  });
  const transaction = signTransaction({
    instructions: [handOver, lend, create, extend],
    signers: [owner, naive, stranger],
    blockhash: await latestBlockhash(chain),
  });
  await ours.chain.broadcast({
    id: encodeBase58(transaction.signatures[0] ?? new Uint8Array()),
    raw: transaction.serialize(),
    signer: feePayer.address,
  });
  chain.advanceSlots(5);
  expect(chain.landedTransactions().at(-1)?.err).toBeNull();
  const state = {
    deactivationSlot: 2n ** 64n - 1n,
    lastExtendedSlot: 0,
    lastExtendedSlotStartIndex: 0,
    authority: feePayerKey,
    addresses,
  };
  lookupTable = new AddressLookupTableAccount({ key, state });
}

async function ourAnswer(payment: Payment): Promise<string> {
  const examination = await ours.schemes[0]?.examine(payment);
  if (examination?.kind !== 'acceptable') return examination?.rejection.reason ?? 'no scheme';
  const verdict = await examination.payment.verify();
  return verdict.valid ? 'valid' : verdict.rejection.reason;
}

async function referenceAnswer({ accepted, requirements, payload }: Payment): Promise<string> {
  type Args = Parameters<ExactSvmScheme['verify']>;
  const theirs = { ...requirements, amount: requirements.amount.toString() } as unknown as Args[1];
  const envelope = { x402Version: 2, accepted: { ...theirs, ...accepted }, payload } as unknown as Args[0];
  try {
    const answer = await reference.verify(envelope, theirs);
    return answer.isValid ? 'valid' : (answer.invalidReason ?? 'no reason');
  } catch {
    return thrown;
  }
}

async function live(spec: Partial<TransactionSpec> = {}): Promise<string> {
  const blockhash = await latestBlockhash(chain);
  return encode(signTransaction({ instructions: standardInstructions(), blockhash, ...spec }));
}

const withInstructions = async (instructions: TransactionInstruction[], signers = [buyer]): Promise<Payment> =>
  paymentOf(await live({ instructions, signers }));
const replaced = (place: number, instruction: TransactionInstruction) =>
  standardInstructions().with(place, instruction);
const followed = (...instructions: TransactionInstruction[]) => [...standardInstructions(), ...instructions];
const noise = new TransactionInstruction({ programId: SystemProgram.programId, keys: [], data: Buffer.of(9) });
const memo = memoInstruction('note');
const required = (text: string) => ({ requirements: { extra: { feePayer: feePayer.address, memo: text } } });
const prefix = 'invalid_exact_svm_';

const vectors: Record<string, { answer: string; make: () => Promise<Payment> }> = {
  'a stock payment': { answer: 'valid', make: async () => paymentOf(await live()) },
  'a legacy message': { answer: 'valid', make: async () => paymentOf(await live({ legacy: true })) },
  'Token-2022': {
    answer: 'valid',
    make: async () => {
      const transfer = { mint: token2022, program: TOKEN_2022_PROGRAM_ID };
      return paymentOf(await live({ instructions: standardInstructions(transfer) }), {
        requirements: { asset: token2022 },
      });
    },
  },
  'the highest limits': {
    answer: 'valid',
    make: () => withInstructions([computeLimit(200_000), computePrice(5_000_000), transferInstruction()]),
  },
  'the required memo': {
    answer: 'valid',
    make: async () => paymentOf(await live({ instructions: followed(memo) }), required('note')),
  },
  'another scheme': {
    answer: `${prefix}unsupported_scheme`,
    make: async () => paymentOf(await live(), { accepted: { scheme: 'upto' } }),
  },
  'another network': {
    answer: `${prefix}network_mismatch`,
    make: async () => paymentOf(await live(), { accepted: { network: solanaMainnet } }),
  },
  'no fee payer': {
    answer: `${prefix}payload_missing_fee_payer`,
    make: async () => paymentOf(await live(), { requirements: { extra: {} } }),
  },
  'a foreign fee payer': {
    answer: `${prefix}fee_payer_not_managed_by_facilitator`,
    make: async () => paymentOf(await live(), { requirements: { extra: { feePayer: merchant } } }),
  },
  'a truncated transaction': {
    answer: `${prefix}payload_transaction_could_not_be_decoded`,
    make: async () => paymentOf((await live()).slice(0, 200)),
  },
  'base64 with a line end': {
    answer: `${prefix}payload_transaction_could_not_be_decoded`,
    make: async () => paymentOf(`${await live()}\n`),
  },
  'a third signer': {
    answer: `${prefix}payload_excessive_signers`,
    make: () => {
      const signed = memoInstruction('too');
      signed.keys.push({ pubkey: stranger.publicKey, isSigner: true, isWritable: false });
      return withInstructions(followed(signed), [buyer, stranger]);
    },
  },
  'another fee payer in the transaction': {
    answer: `${prefix}fee_payer_mismatch`,
    make: async () => paymentOf(await live({ feePayer: stranger.publicKey, signers: [buyer, stranger] })),
  },
  'a missing signature': {
    answer: `${prefix}payload_signature_invalid`,
    make: async () => paymentOf(await live({ signers: [] })),
  },
  'two instructions': {
    answer: `${prefix}payload_transaction_instructions_length`,
    make: () => withInstructions(standardInstructions().slice(1)),
  },
  'eight instructions': {
    answer: `${prefix}payload_transaction_instructions_length`,
    make: () => withInstructions(followed(memo, memo, memo, memo, memo)),
  },
  'no compute limit': {
    answer: `${prefix}payload_transaction_instructions_compute_limit_instruction`,
    make: () => withInstructions(replaced(0, computePrice())),
  },
  'too high a compute limit': {
    answer: `${prefix}payload_transaction_instructions_compute_limit_instruction_too_high`,
    make: () => withInstructions(replaced(0, computeLimit(200_001))),
  },
  'no compute price': {
    answer: `${prefix}payload_transaction_instructions_compute_price_instruction`,
    make: () => withInstructions(replaced(1, computeLimit())),
  },
  'too high a compute price': {
    answer: `${prefix}payload_transaction_instructions_compute_price_instruction_too_high`,
    make: () => withInstructions(replaced(1, computePrice(5_000_001))),
  },
  'no transfer': {
    answer: `${prefix}payload_no_transfer_instruction`,
    make: () => withInstructions(replaced(2, memo), []),
  },
  'the fee payer as authority': {
    answer: `${prefix}payload_transaction_fee_payer_transferring_funds`,
    make: () => withInstructions(replaced(2, transferInstruction({ authority: feePayerKey })), []),
  },
  'another mint': {
    answer: `${prefix}payload_mint_mismatch`,
    make: () => withInstructions(standardInstructions({ mint: unlisted })),
  },
  'another recipient': {
    answer: `${prefix}payload_recipient_mismatch`,
    make: () => withInstructions(standardInstructions({ payTo: stranger.publicKey.toBase58() })),
  },
  'one unit too little': {
    answer: `${prefix}payload_amount_mismatch`,
    make: () => withInstructions(standardInstructions({ amount: price - 1n })),
  },
  'one unit too much': {
    answer: `${prefix}payload_amount_mismatch`,
    make: () => withInstructions(standardInstructions({ amount: price + 1n })),
  },
  'a foreign fourth instruction': {
    answer: `${prefix}payload_unknown_fourth_instruction`,
    make: () => withInstructions(followed(noise)),
  },
  'a foreign fifth instruction': {
    answer: `${prefix}payload_unknown_fifth_instruction`,
    make: () => withInstructions(followed(memo, noise)),
  },
  'a foreign sixth instruction': {
    answer: `${prefix}payload_unknown_sixth_instruction`,
    make: () => withInstructions(followed(memo, memo, noise)),
  },
  'a foreign seventh instruction': {
    answer: `${prefix}payload_unknown_seventh_instruction`,
    make: () => withInstructions(followed(memo, memo, memo, noise)),
  },
  'two memos where one is required': {
    answer: `${prefix}payload_memo_count`,
    make: async () => paymentOf(await live({ instructions: followed(memo, memo) }), required('note')),
  },
  'another memo': {
    answer: `${prefix}payload_memo_mismatch`,
    make: async () => paymentOf(await live({ instructions: followed(memo) }), required('other')),
  },
  'a payer who holds too little': {
    answer: `${prefix}transaction_simulation_failed`,
    make: () => withInstructions(standardInstructions({ authority: poor.publicKey }), [poor]),
  },
  'a payee without a token account': {
    answer: `${prefix}transaction_simulation_failed`,
    make: async () => {
      const payTo = Keypair.generate().publicKey.toBase58();
      return paymentOf(await live({ instructions: standardInstructions({ payTo }) }), { requirements: { payTo } });
    },
  },
  'an unknown blockhash': {
    answer: `${prefix}transaction_simulation_failed`,
    make: async () => paymentOf(await live({ blockhash: PublicKey.default.toBase58() })),
  },
  'wrong decimals': {
    answer: `${prefix}transaction_simulation_failed`,
    make: () => withInstructions(standardInstructions({ decimals: 9 })),
  },
  'an assertion of a wallet that fails': {
    answer: `${prefix}transaction_simulation_failed`,
    make: () => withInstructions(followed(new TransactionInstruction({ programId: lighthouseProgram, keys: [] }))),
  },
};

const differing: Record<string, () => Promise<Payment>> = {
  'a payload without a transaction': async () => paymentOf(undefined),
  'a byte behind the transaction': async () =>
    paymentOf(encode(Buffer.concat([Buffer.from(await live(), 'base64'), Buffer.of(0)]))),
  'an authority index out of range under a valid signature': async () => {
    const { message } = VersionedTransaction.deserialize(Buffer.from(await live(), 'base64'));
    message.compiledInstructions[2]?.accountKeyIndexes.splice(3, 1, 99);
    const transaction = new VersionedTransaction(message);
    transaction.sign([buyer]);
    return paymentOf(encode(transaction));
  },
  'an account named by a lookup table': async () => {
    const message = new TransactionMessage({
      payerKey: feePayerKey,
      recentBlockhash: await latestBlockhash(chain),
      instructions: standardInstructions(),
    }).compileToV0Message([lookupTable]);
    expect(message.addressTableLookups).toHaveLength(1);
    const transaction = new VersionedTransaction(message);
    transaction.sign([buyer]);
    return paymentOf(encode(transaction));
  },
  'an asset that is no address': async () => paymentOf(await live(), { requirements: { asset: `${usdc}=` } }),
  'a payTo that is no address': async () => paymentOf(await live(), { requirements: { payTo: 'merchant.sol' } }),
  'an authority that has not signed': () => {
    const transfer = transferInstruction({ authority: stranger.publicKey });
    for (const key of transfer.keys) key.isSigner = false;
    return withInstructions(replaced(2, transfer), []);
  },
  "money of somebody else's that the payer may spend": () =>
    withInstructions(replaced(2, transferInstruction({ owner: stranger.publicKey }))),
  'the fee payer among the accounts of a memo': () => {
    const naming = memoInstruction('note');
    naming.keys.push({ pubkey: feePayerKey, isSigner: true, isWritable: false });
    return withInstructions(followed(naming));
  },
  'a payment to oneself': async () => {
    const payTo = buyer.publicKey.toBase58();
    return paymentOf(await live({ instructions: standardInstructions({ payTo }) }), { requirements: { payTo } });
  },
  'a payment to the fee payer': async () => {
    const payTo = feePayer.address;
    return paymentOf(await live({ instructions: standardInstructions({ payTo }) }), { requirements: { payTo } });
  },
  'a payment to the mint': async () => {
    const payTo = usdc;
    return paymentOf(await live({ instructions: standardInstructions({ payTo }) }), { requirements: { payTo } });
  },
  'a payment of nothing': async () => {
    const transaction = await live({ instructions: standardInstructions({ amount: 0n }) });
    return paymentOf(transaction, { requirements: { amount: amount(0n) } });
  },
  'a token that is not on the list': async () => {
    const transaction = await live({ instructions: standardInstructions({ mint: unlisted }) });
    return paymentOf(transaction, { requirements: { asset: unlisted } });
  },
  'a token that keeps a fee of each transfer': async () => {
    const transfer = { mint: withFee, program: TOKEN_2022_PROGRAM_ID };
    return paymentOf(await live({ instructions: standardInstructions(transfer) }), {
      requirements: { asset: withFee },
    });
  },
  'a token account that the payee handed to somebody else': async () => {
    const payTo = naive.publicKey.toBase58();
    return paymentOf(await live({ instructions: standardInstructions({ payTo }) }), { requirements: { payTo } });
  },
};

describe('the reference and we answer the same', () => {
  test.each(Object.entries(vectors))('%s', async (_, { answer, make }) => {
    const payment = await make();
    expect({ reference: await referenceAnswer(payment), ours: await ourAnswer(payment) }).toEqual({
      reference: answer,
      ours: answer,
    });
  });
});

describe('we differ on purpose', () => {
  test.each(svmDifferences)('$vector', async ({ vector, reference: theirs, ours: mine, why }) => {
    const payment = await differing[vector]?.();
    if (payment === undefined) throw new Error('The table names a vector that does not exist');
    expect({ reference: await referenceAnswer(payment), ours: await ourAnswer(payment) }).toEqual({
      reference: theirs,
      ours: mine,
    });
    expect(mine).not.toBe(theirs);
    expect(why).toMatch(/^[A-Z].+\.$/);
  });

  test('only where the table says so', () => {
    expect(svmDifferences.map(({ vector }) => vector).sort()).toEqual(Object.keys(differing).sort());
  });
});

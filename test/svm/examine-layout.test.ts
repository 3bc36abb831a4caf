import {
  AddressLookupTableAccount,
  Keypair,
  PublicKey,
  SystemProgram,
  TransactionInstruction,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js';
import { describe, expect, test } from 'vitest';
import { feePayerKey, raw, reasonOf, reasonOfInstructions, replaced, stranger } from './examine.js';
import {
  anyBlockhash,
  buyer,
  computeLimit,
  computePrice,
  encode,
  feePayer,
  memoInstruction,
  paymentOf,
  standardInstructions,
  transactionText,
  transferInstruction,
  usdc,
} from './solana-payment.js';

describe('the layout', () => {
  const noise = raw(SystemProgram.programId, [9]);
  const prefix = 'invalid_exact_svm_payload_';
  const table = new AddressLookupTableAccount({
    key: stranger.publicKey,
    state: {
      deactivationSlot: 2n ** 64n - 1n,
      lastExtendedSlot: 0,
      lastExtendedSlotStartIndex: 0,
      authority: undefined as never,
      addresses: [new PublicKey(usdc)],
    },
  });

  test('may not name accounts by lookup table', async () => {
    const message = new TransactionMessage({
      payerKey: feePayerKey,
      recentBlockhash: anyBlockhash,
      instructions: standardInstructions(),
    }).compileToV0Message([table]);
    expect(message.addressTableLookups).toHaveLength(1);
    const transaction = new VersionedTransaction(message);
    transaction.sign([buyer]);
    expect(await reasonOf(paymentOf(encode(transaction)))).toBe(
      'invalid_exact_svm_smart_wallet_alt_resolution_not_available',
    );
  });

  test.each<[string, TransactionInstruction[]]>([
    ['transaction_instructions_length', standardInstructions().slice(1)],
    [
      'transaction_instructions_length',
      [...standardInstructions(), ...new Array<TransactionInstruction>(5).fill(noise)],
    ],
    ['transaction_instructions_compute_limit_instruction', replaced(0, computePrice())],
    ['transaction_instructions_compute_limit_instruction', [noise, ...standardInstructions()]],
    ['transaction_instructions_compute_limit_instruction_too_high', replaced(0, computeLimit(200_001))],
    ['transaction_instructions_compute_price_instruction', replaced(1, computeLimit())],
    ['transaction_instructions_compute_price_instruction', replaced(1, raw(computePrice().programId, [3, 0]))],
    ['transaction_instructions_compute_price_instruction_too_high', replaced(1, computePrice(5_000_001))],
    ['transaction_instructions_compute_price_instruction_too_high', replaced(1, computePrice(2n ** 64n - 1n))],
    ['no_transfer_instruction', replaced(2, noise)],
    ['unknown_fourth_instruction', [...standardInstructions(), noise]],
    ['unknown_fifth_instruction', [...standardInstructions(), memoInstruction(''), noise]],
    ['unknown_sixth_instruction', [...standardInstructions(), memoInstruction(''), memoInstruction(''), noise]],
    [
      'unknown_seventh_instruction',
      [...standardInstructions(), memoInstruction(''), memoInstruction(''), memoInstruction(''), noise],
    ],
    ['unknown_fourth_instruction', [...standardInstructions(), computePrice(5_000_000)]],
    ['unknown_fourth_instruction', [...standardInstructions(), transferInstruction()]],
  ])('is refused: %s', async (reason, instructions) => {
    const payment = paymentOf(transactionText({ instructions, signers: signersOf(instructions) }));
    expect(await reasonOf(payment)).toBe(`${prefix}${reason}`);
  });

  test.each([
    ['a plain Transfer', 3],
    ['Approve', 4],
    ['SetAuthority', 6],
    ['Burn', 8],
    ['CloseAccount', 9],
    ['ApproveChecked', 13],
  ])('has no %s of the token program in the place of the transfer', async (_, discriminator) => {
    const transfer = transferInstruction();
    transfer.data[0] = discriminator;
    expect(await reasonOfInstructions(replaced(2, transfer))).toBe(`${prefix}no_transfer_instruction`);
  });
});

/** Only those that an instruction asks for may sign. */
function signersOf(instructions: TransactionInstruction[]): Keypair[] {
  const wanted = instructions.some(({ keys }) =>
    keys.some(({ isSigner, pubkey }) => isSigner && pubkey.equals(buyer.publicKey)),
  );
  return wanted ? [buyer] : [];
}

describe('a memo', () => {
  const requiring = (memo: unknown, ...memos: string[]) =>
    reasonOf(
      paymentOf(
        transactionText({ instructions: [...standardInstructions(), ...memos.map((text) => memoInstruction(text))] }),
        {
          requirements: { extra: { feePayer: feePayer.address, memo } },
        },
      ),
    );

  test('that is required must be there once, with the same text', async () => {
    expect(await requiring('Rechnung 7 ✓', 'Rechnung 7 ✓')).toBe('acceptable');
    expect(await requiring('invoice 7')).toBe('invalid_exact_svm_payload_memo_count');
    expect(await requiring('invoice 7', 'invoice 7', 'invoice 7')).toBe('invalid_exact_svm_payload_memo_count');
    expect(await requiring('invoice 7', 'invoice 8')).toBe('invalid_exact_svm_payload_memo_mismatch');
    expect(await requiring('invoice 7', 'invoice 7 ')).toBe('invalid_exact_svm_payload_memo_mismatch');
    expect(await requiring(7, '7')).toBe('invalid_exact_svm_payload_memo_mismatch');
  });

  test('is free where none is required', async () => {
    expect(await requiring(undefined, 'anything')).toBe('acceptable');
    expect(await requiring('', 'anything')).toBe('acceptable');
    expect(await requiring(null)).toBe('acceptable');
  });
});

import { createAssociatedTokenAccountIdempotentInstruction, TOKEN_2022_PROGRAM_ID } from '@solana/spl-token';
import { PublicKey, SystemProgram, VersionedTransaction } from '@solana/web3.js';
import { amount, network, solanaDevnet, solanaMainnet, type Payment } from '@tollkeeper/protocol';
import { sandboxKeys } from '@tollkeeper/sandbox';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { examine, feePayerKey, raw, reasonOf, reasonOfInstructions, replaced, stranger, scheme } from './examine.js';
import {
  buyer,
  computeLimit,
  computePrice,
  encode,
  feePayer,
  lighthouseProgram,
  memoInstruction,
  merchant,
  paymentOf,
  price,
  signTransaction,
  standardInstructions,
  transactionText,
  transferInstruction,
  usdc,
} from './solana-payment.js';

describe('a stock payment', () => {
  test.each([false, true])('is acceptable, as a legacy message: %s', async (legacy) => {
    const examination = await examine(paymentOf(transactionText({ legacy })));
    expect(examination).toMatchObject({
      kind: 'acceptable',
      payment: {
        authorization: {
          scheme: 'exact',
          payer: buyer.publicKey.toBase58(),
          payTo: merchant,
          asset: { network: solanaDevnet, token: usdc },
          amount: price,
        },
      },
    });
  });

  test('may carry memos and wallet assertions behind the transfer', async () => {
    const lighthouse = raw(lighthouseProgram, [6, 0]);
    const extras = [lighthouse, memoInstruction('a'), lighthouse, memoInstruction('b')];
    expect(await reasonOfInstructions([...standardInstructions(), ...extras])).toBe('acceptable');
  });

  test('may pay with Token-2022 and ask for as much compute as we publish', async () => {
    const token2022 = standardInstructions({ program: TOKEN_2022_PROGRAM_ID }).with(0, computeLimit(200_000));
    expect(await reasonOfInstructions(token2022.with(1, computePrice(5_000_000)))).toBe('acceptable');
  });

  test('has one claim key, whatever is written around its message', async () => {
    const claimOf = async (payment: Payment): Promise<string> => {
      const examination = await examine(payment);
      return examination.kind === 'acceptable' ? examination.payment.authorization.claimKey : 'refused';
    };
    const transaction = signTransaction({ instructions: standardInstructions() });
    const claimKey = await claimOf(paymentOf(encode(transaction)));
    expect(claimKey).toMatch(/^[0-9a-f]{64}$/);
    const bytes = transaction.serialize();
    bytes.fill(7, 1, 65);
    expect(await claimOf(paymentOf(encode(bytes)))).toBe(claimKey);
    const other = transactionText({ instructions: [...standardInstructions(), memoInstruction('again')] });
    expect(await claimOf(paymentOf(other))).not.toBe(claimKey);
  });

  test('is told what we take, the same each time', () => {
    expect(scheme?.supported()).toEqual({
      extra: {
        feePayer: feePayer.address,
        maxComputeUnits: 200_000,
        maxComputeUnitPriceMicroLamports: '5000000',
        maxRequiredSignatures: 2,
        addressLookupTables: false,
      },
      signers: [feePayer.address],
    });
    expect(scheme?.supported()).toEqual(scheme?.supported());
  });
});

describe('the requirements are refused', () => {
  const text = transactionText();
  const upper = merchant.toUpperCase();
  test.each<[string, Payment]>([
    ['invalid_exact_svm_unsupported_scheme', paymentOf(text, { requirements: { scheme: 'upto' } })],
    ['invalid_exact_svm_unsupported_scheme', paymentOf(text, { accepted: { scheme: 'upto' } })],
    ['invalid_exact_svm_network_mismatch', paymentOf(text, { accepted: { network: solanaMainnet } })],
    [
      'invalid_exact_svm_network_mismatch',
      paymentOf(text, { accepted: { network: solanaMainnet }, requirements: { network: solanaMainnet } }),
    ],
    ['invalid_exact_svm_payload_missing_fee_payer', paymentOf(text, { requirements: { extra: {} } })],
    ['invalid_exact_svm_payload_missing_fee_payer', paymentOf(text, { requirements: { extra: { feePayer: 7 } } })],
    [
      'invalid_exact_svm_fee_payer_not_managed_by_facilitator',
      paymentOf(text, { requirements: { extra: { feePayer: merchant } } }),
    ],
    ['invalid_payment_requirements', paymentOf(text, { requirements: { payTo: upper } })],
    ['invalid_payment_requirements', paymentOf(text, { requirements: { payTo: ` ${merchant}` } })],
    ['invalid_payment_requirements', paymentOf(text, { requirements: { asset: `${usdc}=` } })],
    ['invalid_exact_svm_payload_mint_mismatch', paymentOf(text, { requirements: { asset: merchant } })],
    ['invalid_exact_svm_payload_recipient_mismatch', paymentOf(text, { requirements: { payTo: feePayer.address } })],
    ['invalid_exact_svm_payload_amount_mismatch', paymentOf(text, { requirements: { amount: amount(9_999n) } })],
    ['invalid_exact_svm_payload_amount_mismatch', paymentOf(text, { requirements: { amount: amount(10n ** 77n) } })],
  ])('%s', async (reason, payment) => {
    expect(await reasonOf(payment)).toBe(reason);
  });
});

describe('a payload that is no transaction', () => {
  test.each([undefined, null, 7, '', {}, [], true])(
    'of the wrong shape is invalid_payload: %j',
    async (transaction) => {
      expect(await reasonOf(paymentOf(transaction))).toBe('invalid_payload');
    },
  );

  const undecodable = 'invalid_exact_svm_payload_transaction_could_not_be_decoded';
  const text = transactionText();
  test.each([
    ['not base64', '!!!!'],
    ['not canonical base64', `${text}\n`],
    ['base64 of nothing much', 'AQ=='],
    ['truncated', Buffer.from(text, 'base64').subarray(0, 200).toString('base64')],
    ['too long', 'A'.repeat(1_000_000)],
  ])('is undecodable when it is %s', async (_, transaction) => {
    expect(await reasonOf(paymentOf(transaction))).toBe(undecodable);
  });

  test('is undecodable when the authority of a signed transfer is out of range, where the reference answers 500', async () => {
    const { message } = signTransaction({ instructions: standardInstructions() });
    const transfer = message.compiledInstructions[2];
    if (transfer !== undefined) transfer.accountKeyIndexes[3] = 99;
    const transaction = new VersionedTransaction(message);
    transaction.sign([buyer]);
    expect(await reasonOf(paymentOf(encode(transaction)))).toBe(undecodable);
  });

  test('never throws, whatever bytes or values it holds', async () => {
    const anything = fc.oneof(
      fc.anything(),
      fc.string(),
      fc.base64String(),
      fc.uint8Array({ maxLength: 1300 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (transaction) => {
        expect([undecodable, 'invalid_payload']).toContain(await reasonOf(paymentOf(transaction)));
      }),
    );
  });

  test('is refused after any change of a signed transaction that changes its message', async () => {
    const bytes = Buffer.from(text, 'base64');
    const messageStart = 1 + 2 * 64;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: messageStart, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (place, bits) => {
          const changed = Buffer.from(bytes);
          changed[place] = (changed[place] ?? 0) ^ bits;
          expect(await reasonOf(paymentOf(encode(changed)))).not.toBe('acceptable');
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('signers', () => {
  test('other than buyer and fee payer are refused', async () => {
    const extra = memoInstruction('me too');
    extra.keys.push({ pubkey: stranger.publicKey, isSigner: true, isWritable: false });
    expect(await reasonOfInstructions([...standardInstructions(), extra], [buyer, stranger])).toBe(
      'invalid_exact_svm_payload_excessive_signers',
    );
  });

  test('must have the fee payer of the requirements at their head', async () => {
    const text = transactionText({ feePayer: stranger.publicKey, signers: [buyer, stranger] });
    expect(await reasonOf(paymentOf(text))).toBe('invalid_exact_svm_fee_payer_mismatch');
  });

  test('must have signed this very message', async () => {
    const unsigned = transactionText({ signers: [] });
    expect(await reasonOf(paymentOf(unsigned))).toBe('invalid_exact_svm_payload_signature_invalid');
    const transaction = signTransaction({ instructions: standardInstructions() });
    const other = signTransaction({ instructions: [...standardInstructions(), memoInstruction('another message')] });
    transaction.signatures[1] = other.signatures[1] ?? new Uint8Array(64);
    expect(await reasonOf(paymentOf(encode(transaction)))).toBe('invalid_exact_svm_payload_signature_invalid');
  });

  test('must include the authority of the transfer', async () => {
    const transfer = transferInstruction({ authority: stranger.publicKey });
    for (const key of transfer.keys) key.isSigner = false;
    const signed = memoInstruction('signed by somebody else');
    signed.keys.push({ pubkey: buyer.publicKey, isSigner: true, isWritable: false });
    const instructions = replaced(2, transfer);
    expect(await reasonOfInstructions([...instructions, signed])).toBe('invalid_exact_svm_payload_signature_invalid');
    expect(await reasonOfInstructions(instructions, [])).toBe('invalid_exact_svm_payload_signature_invalid');
  });
});

describe('money must come from', () => {
  test("the payer's own token account, of which payments in flight are counted, and from no other that it may spend", async () => {
    const transfer = transferInstruction({ owner: stranger.publicKey });
    expect(await reasonOfInstructions(replaced(2, transfer))).toBe('invalid_exact_svm_payload_source_mismatch');
  });
});

describe('money must change hands', () => {
  test('between payer and payee', async () => {
    const payTo = buyer.publicKey.toBase58();
    const payment = paymentOf(transactionText({ transfer: { payTo } }), { requirements: { payTo } });
    expect(await reasonOf(payment)).toBe('invalid_payment_requirements');
  });

  test('also when the payer is only a delegate of the account that would pay itself', async () => {
    const transfer = transferInstruction({ owner: new PublicKey(merchant) });
    expect(await reasonOfInstructions(replaced(2, transfer))).toBe('invalid_payment_requirements');
  });

  test('and not end at our own fee payer', async () => {
    const payTo = feePayer.address;
    const payment = paymentOf(transactionText({ transfer: { payTo } }), { requirements: { payTo } });
    expect(await reasonOf(payment)).toBe('invalid_payment_requirements');
  });

  test('in an amount above zero', async () => {
    const payment = paymentOf(transactionText({ transfer: { amount: 0n } }), { requirements: { amount: amount(0n) } });
    expect(await reasonOf(payment)).toBe('invalid_payment_requirements');
  });

  test('but the payee may be an address off the curve, such as the vault of a multisig', async () => {
    const [vault] = PublicKey.findProgramAddressSync([Buffer.from('vault')], SystemProgram.programId);
    const payTo = vault.toBase58();
    const payment = paymentOf(transactionText({ transfer: { payTo } }), { requirements: { payTo } });
    expect(await reasonOf(payment)).toBe('acceptable');
  });

  test('in a token that we settle; this is asked last', async () => {
    const asset = sandboxKeys.svm.stranger.address;
    const requirements = { asset };
    expect(await reasonOf(paymentOf(transactionText({ transfer: { mint: asset } }), { requirements }))).toBe(
      'unsupported_asset',
    );
    const wrongAmount = transactionText({ transfer: { mint: asset, amount: 1n } });
    expect(await reasonOf(paymentOf(wrongAmount, { requirements }))).toBe('invalid_exact_svm_payload_amount_mismatch');
  });
});

test('creating the token account at our expense is refused', async () => {
  const create = createAssociatedTokenAccountIdempotentInstruction(
    feePayerKey,
    transferInstruction().keys[2]?.pubkey ?? feePayerKey,
    new PublicKey(merchant),
    new PublicKey(usdc),
  );
  expect(await reasonOfInstructions([computeLimit(), computePrice(), create, transferInstruction()])).toBe(
    'invalid_exact_svm_payload_no_transfer_instruction',
  );
  expect(await reasonOfInstructions([...standardInstructions(), create])).toBe(
    'invalid_exact_svm_payload_unknown_fourth_instruction',
  );
});

test('a Solana network of another genesis is not ours', async () => {
  const other = network('solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z');
  const payment = paymentOf(transactionText(), { accepted: { network: other }, requirements: { network: other } });
  expect(await reasonOf(payment)).toBe('invalid_exact_svm_network_mismatch');
});

import { TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID } from '@solana/spl-token';
import { Keypair } from '@solana/web3.js';
import { solanaDevnet, systemClock, type SubmittedTransaction, type Verdict } from '@tollkeeper/protocol';
import { startSolanaChain, type SolanaChain } from '@tollkeeper/sandbox';
import { createSvmNetwork, type SvmNetwork } from '@tollkeeper/svm/network';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { latestBlockhash } from './latest-blockhash.js';
import {
  buyer,
  encodeBase58,
  feePayer,
  merchant,
  paymentOf,
  price,
  signTransaction,
  standardInstructions,
  transactionText,
} from './solana-payment.js';

const plain2022 = Keypair.generate().publicKey.toBase58();
const withFee = Keypair.generate().publicKey.toBase58();
const withZeroFee = Keypair.generate().publicKey.toBase58();
const old = Keypair.generate().publicKey.toBase58();

let chain: SolanaChain;
let ours: SvmNetwork;
const warnings: string[] = [];

beforeAll(async () => {
  chain = await startSolanaChain({ slotMs: 100, commitmentLag: { confirmed: 1, finalized: 4 } });
  chain.createToken({ mint: old, decimals: 6, program: 'token' });
  chain.createToken({ mint: plain2022, decimals: 6, program: 'token-2022' });
  const fee = (basisPoints: number) => ({ basisPoints, maximumFee: 1_000n });
  chain.createToken({ mint: withFee, decimals: 6, program: 'token-2022', transferFee: fee(100) });
  chain.createToken({ mint: withZeroFee, decimals: 6, program: 'token-2022', transferFee: fee(0) });
  for (const mint of [old, plain2022, withFee, withZeroFee]) {
    chain.fundToken({ mint, owner: buyer.publicKey.toBase58(), amount: 1_000_000n });
    chain.fundToken({ mint, owner: merchant, amount: 0n });
  }
  chain.fundSol(feePayer.address, 10_000_000_000n);
  ours = createSvmNetwork({
    network: solanaDevnet,
    rpcUrls: [chain.url],
    feePayerKey: feePayer.privateKeyBase58,
    assets: [old, plain2022, withFee, withZeroFee],
    clock: systemClock,
    onRpcCall: () => undefined,
    onWarning: (message) => warnings.push(message),
  });
});
afterAll(() => chain.stop());

async function verdictOn(mint: string, program = TOKEN_2022_PROGRAM_ID): Promise<Verdict> {
  const transaction = transactionText({ transfer: { mint, program }, blockhash: await latestBlockhash(chain) });
  const examination = await ours.schemes[0]?.examine(paymentOf(transaction, { requirements: { asset: mint } }));
  if (examination?.kind !== 'acceptable') throw new Error('The payment is not acceptable');
  return examination.payment.verify();
}

describe('Token-2022', () => {
  test.each([
    ['without extensions', () => plain2022],
    ['with a transfer fee of zero', () => withZeroFee],
  ])('%s settles to the exact amount', async (_, mintOf) => {
    const mint = mintOf();
    const verdict = await verdictOn(mint);
    if (!verdict.valid) throw new Error(verdict.rejection.detail);
    const planned = await verdict.payment.plan({ signer: feePayer.address, company: [] });
    if (!planned.planned) throw new Error(planned.rejection.detail);
    const signed = planned.plan.sign(undefined);
    await ours.chain.broadcast(signed);
    chain.advanceSlots(2);
    const [observation] = await ours.chain.observe([{ ...signed, expected: verdict.payment.authorization }]);
    expect(observation).toMatchObject({ state: 'transferred', effect: { amount: price, to: merchant } });
    expect(await ours.chain.tokenBalance({ asset: { network: solanaDevnet, token: mint }, owner: merchant })).toBe(
      price,
    );
  });

  test('with a transfer fee is refused, although the chain would settle it', async () => {
    expect(await verdictOn(withFee)).toMatchObject({
      valid: false,
      rejection: { reason: 'unsupported_asset', detail: expect.stringContaining('fee of each transfer') as string },
    });
    await verdictOn(withFee);
    expect(warnings).toEqual(['The token keeps a fee of each transfer, so the payee would get less']);
  });

  test('with a transfer fee is a failed payment should it land all the same', async () => {
    const transaction = signTransaction({
      instructions: standardInstructions({ mint: withFee, program: TOKEN_2022_PROGRAM_ID }),
      blockhash: await latestBlockhash(chain),
      signers: [buyer, Keypair.fromSeed(feePayer.seed)],
    });
    const submitted: SubmittedTransaction & { signer: string } = {
      id: encodeBase58(transaction.signatures[0] ?? new Uint8Array()),
      raw: transaction.serialize(),
      signer: feePayer.address,
      expected: {
        asset: { network: solanaDevnet, token: withFee },
        payer: buyer.publicKey.toBase58(),
        payTo: merchant,
        amount: price,
        claimKey: '',
      },
    };
    await ours.chain.broadcast(submitted);
    chain.advanceSlots(2);
    expect(chain.landedTransactions().at(-1)?.err).toBeNull();
    expect(await ours.chain.observe([submitted])).toMatchObject([
      { state: 'failed', rejection: { reason: 'invalid_exact_svm_transaction_failed' } },
    ]);
  });
});

test('a transfer by the program that the mint does not belong to is refused', async () => {
  for (const [mint, program] of [
    [plain2022, TOKEN_PROGRAM_ID],
    [old, TOKEN_2022_PROGRAM_ID],
  ] as const) {
    expect(await verdictOn(mint, program)).toMatchObject({
      valid: false,
      rejection: { reason: 'invalid_exact_svm_transaction_simulation_failed' },
    });
  }
});

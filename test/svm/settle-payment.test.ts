import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { AuthorityType, createSetAuthorityInstruction, TOKEN_2022_PROGRAM_ID } from '@solana/spl-token';
import { Keypair, type TransactionInstruction } from '@solana/web3.js';
import {
  amount,
  isFault,
  baseSepolia,
  solanaDevnet,
  solanaMainnet,
  systemClock,
  type AcceptablePayment,
  type Payment,
  type RpcCall,
  type SignedTransaction,
  type SubmittedTransaction,
  type VerifiedPayment,
} from '@tollkeeper/protocol';
import { faultOn, sandboxKeys, startRpcProxy, startSolanaChain, type SolanaChain } from '@tollkeeper/sandbox';
import { generateDepositKey } from '@tollkeeper/svm';
import { createSvmNetwork, type SvmNetwork, type SvmNetworkParts } from '@tollkeeper/svm/network';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { latestBlockhash } from './latest-blockhash.js';
import {
  buyer,
  computeLimit,
  encodeBase58,
  feePayer,
  memoInstruction,
  merchant,
  paymentOf,
  price,
  signTransaction,
  standardInstructions,
  transactionText,
  transferInstruction,
  usdc,
  type TransferSpec,
} from './solana-payment.js';

const otherMint = sandboxKeys.svm.tokenOwner.address;
let chain: SolanaChain;
let ours: SvmNetwork;
let calls: RpcCall[] = [];
let warnings: string[];

beforeAll(async () => {
  chain = await startSolanaChain({ slotMs: 100, commitmentLag: { confirmed: 1, finalized: 4 } });
  chain.createToken({ mint: usdc, decimals: 6, program: 'token' });
  chain.fundSol(feePayer.address, 10_000_000_000n);
  chain.fundToken({ mint: usdc, owner: buyer.publicKey.toBase58(), amount: 1_000_000_000n });
  chain.fundToken({ mint: usdc, owner: merchant, amount: 0n });
});
afterAll(() => chain.stop());
beforeEach(async () => {
  warnings = [];
  chain.resumeSlots();
  ours = create();
  // A node is asked once which cluster it is of.
  await ours.chain.identify();
  calls = [];
});

function create(changes: Partial<SvmNetworkParts> = {}): SvmNetwork {
  return createSvmNetwork({
    network: solanaDevnet,
    rpcUrls: [chain.url],
    feePayerKey: feePayer.privateKeyBase58,
    assets: [usdc],
    clock: systemClock,
    onRpcCall: (call) => calls.push(call),
    onWarning: (message) => warnings.push(message),
    ...changes,
  });
}

const methods = () => calls.map(({ method }) => method);

async function send(instructions: TransactionInstruction[], signer: Keypair): Promise<void> {
  const transaction = signTransaction({ instructions, signers: [signer], blockhash: await latestBlockhash(chain) });
  transaction.sign([Keypair.fromSeed(feePayer.seed)]);
  const raw = transaction.serialize();
  const before = chain.landedTransactions().length;
  await ours.chain.broadcast({ id: encodeBase58(transaction.signatures[0] ?? new Uint8Array()), raw, signer: '' });
  expect(chain.landedTransactions()).toHaveLength(before + 1);
  expect(chain.landedTransactions().at(-1)?.err).toBeNull();
  chain.advanceSlots(2);
}

/** A payment of the same money as the plain one, in another message. */
async function memoPayment(payer: Keypair): Promise<Payment> {
  const instructions = [...standardInstructions({ authority: payer.publicKey }), memoInstruction('second')];
  return paymentOf(transactionText({ instructions, signers: [payer], blockhash: await latestBlockhash(chain) }));
}

async function livePayment(transfer: TransferSpec = {}, signers = [buyer]): Promise<Payment> {
  const blockhash = await latestBlockhash(chain);
  const transaction = transactionText({ instructions: standardInstructions(transfer), blockhash, signers });
  return paymentOf(transaction, transfer.payTo === undefined ? {} : { requirements: { payTo: transfer.payTo } });
}

async function examine(payment: Payment): Promise<AcceptablePayment> {
  const examination = await ours.schemes[0]?.examine(payment);
  if (examination?.kind !== 'acceptable') throw new Error(JSON.stringify(examination));
  return examination.payment;
}

async function verify(payment: Payment): Promise<VerifiedPayment> {
  const verdict = await (await examine(payment)).verify();
  if (!verdict.valid) throw new Error(verdict.rejection.detail);
  return verdict.payment;
}

async function refusal(payment: Payment): Promise<string> {
  const verdict = await (await examine(payment)).verify();
  if (verdict.valid) throw new Error('The payment is valid');
  return `${verdict.rejection.reason}: ${verdict.rejection.detail}`;
}

async function sign(payment: VerifiedPayment): Promise<SignedTransaction> {
  const result = await payment.plan({ signer: feePayer.address, company: [] });
  if (!result.planned) throw new Error(result.rejection.detail);
  return result.plan.sign(undefined);
}

const submittedOf = (payment: VerifiedPayment, signed: SignedTransaction): SubmittedTransaction => ({
  ...signed,
  expected: payment.authorization,
});

async function observe(submitted: SubmittedTransaction) {
  const [observation] = await ours.chain.observe([submitted]);
  return observation;
}

describe('a valid payment', () => {
  test('is examined, verified, planned, signed, sent and found on chain with its exact effect', async () => {
    const payment = await verify(await livePayment());
    expect(methods().sort()).toEqual(['getMultipleAccounts', 'simulateTransaction']);
    const before = chain.tokenBalance({ mint: usdc, owner: merchant });

    const signed = await sign(payment);
    expect(signed).toMatchObject({ signer: feePayer.address });
    expect(await observe(submittedOf(payment, signed))).toEqual({ state: 'pending' });
    expect(await ours.chain.broadcast(signed)).toEqual({ accepted: true });
    expect(await ours.chain.broadcast(signed)).toEqual({ accepted: true });

    await eventually(async () => expect((await observe(submittedOf(payment, signed)))?.state).toBe('transferred'));
    expect(await observe(submittedOf(payment, signed))).toMatchObject({
      state: 'transferred',
      feePaid: 10_001n,
      effect: {
        transaction: signed.id,
        asset: { network: solanaDevnet, token: usdc },
        from: buyer.publicKey.toBase58(),
        to: merchant,
        amount: price,
      },
    });
    expect(chain.tokenBalance({ mint: usdc, owner: merchant })).toBe(before + price);
    expect(await ours.chain.tokenBalance({ asset: { network: solanaDevnet, token: usdc }, owner: merchant })).toBe(
      before + price,
    );
  });

  test("costs no more than its plan says, has its transaction to itself, and takes nobody else's place", async () => {
    const payment = await verify(await livePayment());
    const result = await payment.plan({ signer: feePayer.address, company: [] });
    if (!result.planned) return expect.fail(result.rejection.detail);
    const signed = result.plan.sign(undefined);
    await ours.chain.broadcast(signed);
    chain.advanceSlots(2);
    expect(await observe(submittedOf(payment, signed))).toMatchObject({ feePaid: result.plan.maximumFee });
    expect([ours.chain.sharing, payment.room, ours.chain.ordered]).toEqual([undefined, undefined, false]);
    expect(await ours.chain.replace(signed, 'again')).toBeUndefined();
    expect(await ours.chain.replace(signed, 'cancel')).toBeUndefined();
    expect(await ours.chain.findForeignTransfers([payment.authorization])).toEqual([undefined]);
  });

  test('costs one RPC call to verify once the mint is known', async () => {
    await verify(await livePayment());
    calls.length = 0;
    await verify(await livePayment({}));
    expect(methods()).toEqual(['simulateTransaction']);
  });
});

describe('verifying refuses', () => {
  const failed = 'invalid_exact_svm_transaction_simulation_failed';
  const landed = () => chain.landedTransactions().length;

  test('a payer who holds too little, in words that help', async () => {
    const poor = Keypair.generate();
    chain.fundToken({ mint: usdc, owner: poor.publicKey.toBase58(), amount: price - 1n });
    const before = landed();
    expect(await refusal(await livePayment({ authority: poor.publicKey }, [poor]))).toBe(
      `${failed}: The payer holds too little of the token`,
    );
    expect(landed()).toBe(before);
  });

  test('a payer or a payee without a token account', async () => {
    const nobody = Keypair.generate();
    expect(await refusal(await livePayment({ authority: nobody.publicKey }, [nobody]))).toContain(
      `${failed}: Instruction 3`,
    );
    expect(await refusal(await livePayment({ payTo: nobody.publicKey.toBase58() }))).toContain(
      `${failed}: Instruction 3`,
    );
  });

  test('a blockhash that the chain does not know any more', async () => {
    const payment = await livePayment();
    chain.advanceSlots(200);
    expect(await refusal(payment)).toContain(`${failed}: The blockhash is unknown or too old`);
  });

  test('what landed before', async () => {
    const payment = await livePayment();
    const verified = await verify(payment);
    await ours.chain.broadcast(await sign(verified));
    expect(await refusal(payment)).toContain(`${failed}: The transaction was processed before`);
  });

  test('a payee whose associated account was handed to somebody else', async () => {
    const [naive, thief] = [Keypair.generate(), Keypair.generate()];
    const payTo = naive.publicKey.toBase58();
    chain.fundToken({ mint: usdc, owner: payTo, amount: 0n });
    const account = transferInstruction({ payTo }).keys[2]?.pubkey ?? naive.publicKey;
    const handOver = createSetAuthorityInstruction(
      account,
      naive.publicKey,
      AuthorityType.AccountOwner,
      thief.publicKey,
    );
    await send([handOver], naive);
    expect(await refusal(await livePayment({ payTo }))).toContain('invalid_exact_svm_payload_recipient_mismatch');
  });

  test('and not when our own fee payer is broke: that is a fault of ours', async () => {
    const broke = Keypair.generate();
    ours = create({ feePayerKey: encodeBase58(broke.secretKey) });
    const blockhash = await latestBlockhash(chain);
    const transaction = transactionText({ feePayer: broke.publicKey, blockhash });
    const payment = paymentOf(transaction, { requirements: { extra: { feePayer: broke.publicKey.toBase58() } } });
    const error: unknown = await (await examine(payment)).verify().catch((caught: unknown) => caught);
    expect(isFault(error, 'SIGNER_UNFUNDED')).toBe(true);
    expect(warnings).toEqual(['The fee payer cannot pay network fees; fund it']);
  });
});

describe('trouble with the node', () => {
  test('is a fault and no verdict', async () => {
    const payment = await livePayment();
    ours = create({ rpcUrls: ['http://127.0.0.1:2/secret-api-key'] });
    const error: unknown = await (await examine(payment)).verify().catch((caught: unknown) => caught);
    expect(isFault(error, 'CHAIN_RPC_UNAVAILABLE')).toBe(true);
    expect(inspect(error, { depth: 10 })).not.toContain('secret-api-key');
  });

  test('when broadcasting says nothing about the payment', async () => {
    const signed = await sign(await verify(await livePayment()));
    ours = create({ rpcUrls: ['http://127.0.0.1:2'] });
    expect(await ours.chain.broadcast(signed)).toEqual({ accepted: false, detail: 'ECONNREFUSED' });
  });
});

describe('what became of a transaction', () => {
  test('is pending, not expired, until a finalized block is past its last height', async () => {
    const payment = await verify(await livePayment());
    const signed = await sign(payment);
    const submitted = submittedOf(payment, signed);
    chain.pauseSlots();
    const last = signed.lastValidBlockHeight ?? 0n;
    chain.advanceSlots(Number(last - (await ours.chain.blockHeight())) + 3);
    expect(await ours.chain.blockHeight()).toBeGreaterThan(last);
    expect(await observe(submitted)).toEqual({ state: 'pending' });
    chain.advanceSlots(1);
    expect(await observe(submitted)).toMatchObject({ state: 'expired' });
    // The chain itself agrees: it takes the bytes, and nothing comes of them.
    await ours.chain.broadcast(signed);
    expect(await observe(submitted)).toMatchObject({ state: 'expired' });
  });

  test('is the transfer, also when it left the recent statuses and its blockhash is dead', async () => {
    const payment = await verify(await livePayment());
    const signed = await sign(payment);
    await ours.chain.broadcast(signed);
    chain.advanceSlots(1000);
    expect(await observe(submittedOf(payment, signed))).toMatchObject({ state: 'transferred' });
  });

  test("is the transfer, also when the message names the payee's account of the other token program before", async () => {
    const limit = computeLimit();
    const other = transferInstruction({ program: TOKEN_2022_PROGRAM_ID }).keys[2];
    if (other !== undefined) limit.keys.push(other);
    const instructions = standardInstructions().with(0, limit);
    const payment = await verify(paymentOf(transactionText({ instructions, blockhash: await latestBlockhash(chain) })));
    const signed = await sign(payment);
    await ours.chain.broadcast(signed);
    chain.advanceSlots(2);
    expect(await observe(submittedOf(payment, signed))).toMatchObject({ state: 'transferred' });
  });

  test.each([{ postTokenBalances: null }, { preTokenBalances: null }, { postTokenBalances: [] }])(
    'is not known, and no failure, while the node does not name the balances: %j',
    async (unnamed) => {
      const proxy = await startRpcProxy({ target: chain.url });
      ours = create({ rpcUrls: [proxy.url] });
      const payment = await verify(await livePayment());
      const signed = await sign(payment);
      await ours.chain.broadcast(signed);
      chain.advanceSlots(2);
      const change = (found: unknown) => {
        const landed = found as { readonly meta: object };
        return { ...landed, meta: { ...landed.meta, ...unnamed } };
      };
      proxy.use(faultOn('getTransaction', { kind: 'alter', change }));
      expect(await observe(submittedOf(payment, signed))).toEqual({ state: 'pending' });
      proxy.reset();
      expect(await observe(submittedOf(payment, signed))).toMatchObject({ state: 'transferred' });
      await proxy.stop();
    },
  );

  test('is a failure with its fee when the payer spent the money first', async () => {
    const payer = Keypair.generate();
    chain.fundToken({ mint: usdc, owner: payer.publicKey.toBase58(), amount: price });
    const [first, second] = await Promise.all([
      verify(await livePayment({ authority: payer.publicKey }, [payer])),
      verify(await memoPayment(payer)),
    ]);
    const [winner, loser] = [await sign(first), await sign(second)];
    await ours.chain.broadcast(winner);
    await ours.chain.broadcast(loser);
    chain.advanceSlots(2);
    const observations = await ours.chain.observe([submittedOf(second, loser), submittedOf(first, winner)]);
    expect(observations).toMatchObject([
      {
        state: 'failed',
        feePaid: 10_001n,
        rejection: {
          reason: 'invalid_exact_svm_transaction_failed',
          detail: 'The payer holds too little of the token',
        },
      },
      { state: 'transferred' },
    ]);
  });

  test('is a failure for good once its slot is rooted, and never in the place of a transfer', async () => {
    const payer = Keypair.generate();
    chain.fundToken({ mint: usdc, owner: payer.publicKey.toBase58(), amount: price });
    const [first, second] = [
      await verify(await livePayment({ authority: payer.publicKey }, [payer])),
      await verify(await memoPayment(payer)),
    ];
    const [winner, loser] = [await sign(first), await sign(second)];
    await ours.chain.broadcast(winner);
    await ours.chain.broadcast(loser);
    chain.advanceSlots(10);
    const [transferred, failed] = await ours.chain.observe([submittedOf(first, winner), submittedOf(second, loser)]);
    if (transferred?.state !== 'transferred' || failed?.state !== 'failed') return expect.fail('Both moved money');
    expect(
      await ours.chain.finality([
        { transaction: winner.id, block: transferred.effect.block },
        { transaction: loser.id, block: failed.block },
        { transaction: loser.id, block: { number: failed.block.number, hash: failed.block.number.toString() } },
      ]),
    ).toEqual(['final', 'final', 'gone']);
  });

  test('is a failure when it moved other money than expected', async () => {
    const payment = await verify(await livePayment());
    const signed = await sign(payment);
    await ours.chain.broadcast(signed);
    chain.advanceSlots(2);
    const expected = payment.authorization;
    const wrong = [
      { ...expected, amount: amount(price + 1n) },
      { ...expected, payTo: sandboxKeys.svm.merchant2.address },
      { ...expected, asset: { network: solanaDevnet, token: otherMint } },
    ];
    for (const transfer of wrong) {
      expect(await observe({ ...signed, expected: transfer })).toMatchObject({
        state: 'failed',
        rejection: { reason: 'invalid_exact_svm_transaction_failed' },
      });
    }
  });

  test('is a failure when the payee handed the account to somebody else before it landed', async () => {
    const naive = Keypair.generate();
    const payTo = naive.publicKey.toBase58();
    chain.fundToken({ mint: usdc, owner: payTo, amount: 0n });
    const payment = await verify(await livePayment({ payTo }));
    const signed = await sign(payment);
    const account = transferInstruction({ payTo }).keys[2]?.pubkey ?? naive.publicKey;
    const thief = Keypair.generate().publicKey;
    await send([createSetAuthorityInstruction(account, naive.publicKey, AuthorityType.AccountOwner, thief)], naive);
    await ours.chain.broadcast(signed);
    chain.advanceSlots(2);
    expect(chain.landedTransactions().at(-1)).toMatchObject({ signature: signed.id, err: null });
    expect(await observe(submittedOf(payment, signed))).toMatchObject({ state: 'failed' });
  });

  test('is asked for 256 at a time', async () => {
    const payment = await verify(await livePayment());
    const signed = await sign(payment);
    const unknown = Array.from({ length: 300 }, () => ({
      ...submittedOf(payment, signed),
      id: encodeBase58(randomBytes(64)),
    }));
    calls.length = 0;
    const observations = await ours.chain.observe(unknown);
    expect(observations).toHaveLength(300);
    expect(methods()).toEqual(['getSignatureStatuses', 'getSignatureStatuses', 'getEpochInfo']);
    expect(await ours.chain.observe([])).toEqual([]);
  });
});

describe('receiving', () => {
  const asset = { network: solanaDevnet, token: usdc };

  test('needs a token account, which is created once at our expense', async () => {
    const { address: owner } = generateDepositKey();
    expect(await ours.chain.tokenBalance({ asset, owner })).toBe(0n);
    const before = await ours.chain.nativeBalance(feePayer.address);
    await Promise.all([ours.chain.prepareToReceive({ asset, owner }), ours.chain.prepareToReceive({ asset, owner })]);
    const rent = 2_039_280n;
    const spent = before - (await ours.chain.nativeBalance(feePayer.address));
    expect(spent).toBeGreaterThanOrEqual(rent + 5_000n);
    expect(spent).toBeLessThanOrEqual(rent + 10_000n);
    calls.length = 0;
    await ours.chain.prepareToReceive({ asset, owner });
    expect(methods()).toEqual(['getMultipleAccounts']);

    const payment = await verify(await livePayment({ payTo: owner }));
    await ours.chain.broadcast(await sign(payment));
    chain.advanceSlots(2);
    expect(await ours.chain.tokenBalance({ asset, owner })).toBe(price);
  });

  test('is not waited for when our fee payer cannot pay for the account', async () => {
    ours = create({ feePayerKey: encodeBase58(Keypair.generate().secretKey) });
    const attempt = ours.chain.prepareToReceive({ asset, owner: generateDepositKey().address });
    await expect(attempt).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(methods()).not.toContain('sendTransaction');
  });

  test('is refused for what is no token', async () => {
    const notAMint = { network: solanaDevnet, token: merchant };
    const attempt = ours.chain.prepareToReceive({ asset: notAMint, owner: merchant });
    await expect(attempt).rejects.toMatchObject({ code: 'INTERNAL', facts: { detail: 'The mint does not exist' } });
  });
});

describe('the network', () => {
  test('is proven by its genesis hash', async () => {
    expect(await ours.chain.identify()).toBe(chain.genesisHash);
    await expect(create({ network: solanaMainnet }).chain.identify()).rejects.toMatchObject({
      code: 'CHAIN_WRONG_NETWORK',
    });
  });

  test('has no account nonces and one signer', async () => {
    expect(await ours.chain.nextAccountNonce(feePayer.address)).toBeUndefined();
    expect(ours.chain.signers).toEqual([feePayer.address]);
  });

  test('is not built of a bad key, a bad asset or another family, and says no secret', () => {
    const bad = feePayer.privateKeyBase58.slice(0, -1);
    expect(() => create({ feePayerKey: bad })).toThrow(RangeError);
    expect(() => create({ feePayerKey: bad })).not.toThrow(bad.slice(0, 10));
    expect(() => create({ assets: ['0x036CbD53842c5426634e7929541eC2318f3dCF7e'] })).toThrow(RangeError);
    expect(() => create({ network: baseSepolia })).toThrow(RangeError);
  });
});

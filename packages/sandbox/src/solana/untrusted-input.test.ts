import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  AddressLookupTableAccount,
  Keypair,
  PublicKey,
  SystemProgram,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js';
import { startSolanaChain, type SolanaChain } from './index.js';
import { answerBody } from './rpc-server.js';

// Thousands of requests take their time where others have the processors.
let chain: SolanaChain;
let samples: Uint8Array[];
let blockhash: string;

beforeAll(async () => {
  chain = await startSolanaChain();
  chain.pauseSlots();
  const payer = Keypair.generate();
  chain.fundSol(payer.publicKey.toBase58(), 10_000_000_000n);
  const answer = (await call('getLatestBlockhash', [])) as { result: { value: { blockhash: string } } };
  blockhash = answer.result.value.blockhash;
  const message = new TransactionMessage({
    payerKey: payer.publicKey,
    recentBlockhash: blockhash,
    instructions: [
      SystemProgram.transfer({
        fromPubkey: payer.publicKey,
        toPubkey: new PublicKey(chain.mintAuthority.address),
        lamports: 1,
      }),
    ],
  });
  const table = new AddressLookupTableAccount({
    key: Keypair.generate().publicKey,
    state: {
      deactivationSlot: 2n ** 64n - 1n,
      lastExtendedSlot: 0,
      lastExtendedSlotStartIndex: 0,
      addresses: [new PublicKey(chain.mintAuthority.address)],
    },
  });
  samples = [message.compileToLegacyMessage(), message.compileToV0Message(), message.compileToV0Message([table])].map(
    (compiled) => {
      const transaction = new VersionedTransaction(compiled);
      transaction.sign([payer]);
      return transaction.serialize();
    },
  );
});

afterAll(async () => {
  await chain.stop();
});

async function post(body: string | Uint8Array<ArrayBuffer>): Promise<unknown> {
  const response = await fetch(chain.url, { method: 'POST', body });
  return JSON.parse(await response.text());
}

const call = (method: string, params: unknown) => post(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));

async function expectAnswers(wire: Uint8Array): Promise<void> {
  const text = Buffer.from(wire).toString('base64');
  const calls = [
    ['simulateTransaction', { encoding: 'base64', replaceRecentBlockhash: true, innerInstructions: true }],
    ['simulateTransaction', { encoding: 'base64', sigVerify: true }],
    ['sendTransaction', { encoding: 'base64' }],
    ['sendTransaction', { encoding: 'base64', skipPreflight: true }],
  ].map(([method, config], id) => ({ jsonrpc: '2.0', id, method, params: [text, config] }));
  const answers = (await post(JSON.stringify(calls))) as { result?: unknown; error?: { message: string } }[];
  expect(answers).toHaveLength(calls.length);
  for (const { result, error } of answers) {
    expect(result ?? error).toBeDefined();
    expect(error?.message).not.toBe('Internal error');
  }
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

test('random bytes are answered', async () => {
  await fc.assert(fc.asyncProperty(bytes(1300), expectAnswers), { numRuns: 100 });
});

test('a valid transaction with changed, missing or added bytes is answered', async () => {
  const mutation = fc.record({
    sample: fc.nat(2),
    flips: fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    cut: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(300) }),
    tail: fc.oneof({ weight: 3, arbitrary: fc.constant(new Uint8Array()) }, { weight: 1, arbitrary: bytes(40) }),
  });
  await fc.assert(
    fc.asyncProperty(mutation, async ({ sample, flips, cut, tail }) => {
      const wire = Buffer.concat([samples[sample] ?? new Uint8Array(), tail]);
      for (const [at, value] of flips) wire[65 + (at % (wire.length - 65))] = value;
      await expectAnswers(wire.subarray(0, wire.length - cut));
    }),
    { numRuns: 400 },
  );
});

test('every single byte of a transaction may take any value', async () => {
  for (const sample of samples) {
    // The signature and the keys decide nothing about the structure; the bytes around them do.
    const positions = [...sample.keys()].filter((at) => at === 0 || (at > 64 && at < 72) || at > sample.length - 80);
    for (const at of positions) {
      for (const value of [0, 0x81, 0xff]) {
        const wire = Uint8Array.from(sample);
        wire[at] = value;
        await expectAnswers(wire);
      }
    }
  }
});

test('any JSON is answered, whatever the method', async () => {
  const methods = [
    'getLatestBlockhash', 'isBlockhashValid', 'getAccountInfo', 'getMultipleAccounts', 'getBalance', 'getTokenAccountBalance',
    'getTokenAccountsByOwner', 'getTokenSupply', 'sendTransaction', 'simulateTransaction', 'getSignatureStatuses',
    'getTransaction', 'getSignaturesForAddress', 'getSlot', 'getBlockHeight', 'getBlock', 'getBlockTime', 'getEpochInfo',
    'getFeeForMessage', 'getRecentPrioritizationFees', 'getMinimumBalanceForRentExemption', 'requestAirdrop',
  ]; // prettier-ignore
  const { address } = chain.mintAuthority;
  const plausible = fc.constantFrom<unknown>(
    address,
    [address],
    blockhash,
    'AQID',
    { encoding: 'jsonParsed' },
    { mint: address },
    5,
  );
  const params = fc.array(fc.oneof(plausible, fc.jsonValue()), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...methods), params, async (method, list) => {
      const answer = (await call(method, list)) as { error?: { code: number; message: string } };
      expect(answer.error?.message).not.toBe('Internal error');
    }),
    { numRuns: 500 },
  );
});

test('any body is answered with JSON', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (body) => {
      const answer = answerBody(Buffer.from(body), new Map());
      if (answer !== '') JSON.parse(answer);
    }),
  );
});

import { type Payment, type RpcCall, solanaDevnet } from '@tollkeeper/protocol';
import { sandboxKeys, type SolanaChain, startSolanaChain } from '@tollkeeper/sandbox';
import { createSvmNetwork, type SvmNetwork } from '@tollkeeper/svm/network';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { latestBlockhash } from './latest-blockhash.js';
import {
  buyer,
  feePayer,
  memoInstruction,
  merchant,
  paymentOf,
  standardInstructions,
  transactionText,
  usdc,
} from './solana-payment.js';

const crowd = 64;
const now = new Date();
const calls: RpcCall[] = [];
let chain: SolanaChain;
let ours: SvmNetwork;

beforeAll(async () => {
  chain = await startSolanaChain({ slotMs: 400, commitmentLag: { confirmed: 1, finalized: 4 } });
  chain.createToken({ mint: usdc, decimals: 6, program: 'token' });
  chain.fundSol(feePayer.address, 10_000_000_000n);
  chain.fundToken({ mint: usdc, owner: buyer.publicKey.toBase58(), amount: 1_000_000_000n });
  chain.fundToken({ mint: usdc, owner: merchant, amount: 0n });
  ours = createSvmNetwork({
    network: solanaDevnet,
    rpcUrls: [chain.url],
    feePayerKey: sandboxKeys.svm.facilitator.privateKeyBase58,
    assets: [usdc],
    // What callers share they share for the length of a slot, however long the crowd takes.
    clock: { now: () => now },
    onRpcCall: (call) => calls.push(call),
    onWarning: (message) => expect.fail(message),
  });
  await ours.chain.identify();
});
afterAll(() => chain.stop());

async function payments(): Promise<readonly Payment[]> {
  const blockhash = await latestBlockhash(chain);
  return Array.from({ length: crowd }, (_, index) => {
    const instructions = [...standardInstructions(), memoInstruction(`payment ${index}`)];
    return paymentOf(transactionText({ instructions, blockhash }));
  });
}

async function sign(payment: Payment) {
  const examination = await ours.schemes[0]?.examine(payment);
  if (examination?.kind !== 'acceptable') return expect.fail(JSON.stringify(examination));
  const verdict = await examination.payment.verify();
  if (!verdict.valid) return expect.fail(verdict.rejection.detail);
  const planned = await verdict.payment.plan({ signer: feePayer.address, company: [] });
  if (!planned.planned) return expect.fail(planned.rejection.detail);
  return { ...planned.plan.sign(undefined), expected: verdict.payment.authorization };
}

function countOf(method: string): number {
  return calls.filter((call) => call.method === method).length;
}

test('payments at once are simulated, sent and read each for itself, and share whatever else is asked', async () => {
  const some = await payments();
  calls.length = 0;
  const submitted = await Promise.all(some.map(sign));
  expect(countOf('simulateTransaction')).toBe(crowd);
  expect(countOf('getEpochInfo')).toBeLessThanOrEqual(4);
  await Promise.all(submitted.map((each) => ours.chain.broadcast(each)));
  chain.advanceSlots(2);
  const observations = await ours.chain.observe(submitted);
  expect(new Set(observations.map(({ state }) => state))).toEqual(new Set(['transferred']));
  expect(countOf('getSignatureStatuses')).toBe(1);
  expect(calls.length).toBeLessThan(3.2 * crowd);
});

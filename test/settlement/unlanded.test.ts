import { Keypair } from '@solana/web3.js';
import { createRpcGate, faultOn, sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { swallowing } from '../soak/svm/node-faults.js';
import { askNode } from '../soak/svm/ask-node.js';
import { eventually } from '../support/eventually.js';
import { devnetUsdc, startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { settle, svmRequest, type WireRequest } from '../support/wire.js';
import { latestBlockhash } from '../svm/latest-blockhash.js';
import { encode, signTransaction, transferInstruction } from '../svm/solana-payment.js';

const stranger = sandboxKeys.svm.stranger.address;
const failed = { success: false, errorReason: 'invalid_exact_svm_transaction_failed' };

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ evm: false, env: () => ({ PAYER_FAILURES_MAX: '2' }) });
  facilitator.svm.fundToken({ mint: devnetUsdc, owner: stranger, amount: 0n });
});
afterAll(() => facilitator.stop());

test('a payer whose payments a node has lost, at no cost of ours, is not turned away', async () => {
  const { svm, svmRpc } = facilitator;
  const payer = newPayer(1_000_000n);
  for (let lost = 0; lost < 2; lost += 1) {
    const isFound = svmRpc.use(swallowing());
    const sent = svmRpc.calls('sendTransaction');
    const answer = settle(facilitator.url(), await paymentOf(payer));
    await eventually(() => expect(svmRpc.calls('sendTransaction')).toBeGreaterThan(sent));
    svm.advanceSlots(400);
    expect((await answer).body).toMatchObject(failed);
    isFound();
  }
  expect((await settle(facilitator.url(), await paymentOf(payer))).body).toMatchObject({ success: true });
});

test('a payer whose payments fail in a block, at our cost, is turned away', async () => {
  const { svmRpc } = facilitator;
  const payer = newPayer(10_000n);
  for (let failure = 0; failure < 2; failure += 1) {
    const gate = createRpcGate();
    const letPass = svmRpc.use(faultOn('sendTransaction', { kind: 'hold', gate }));
    const answer = settle(facilitator.url(), await paymentOf(payer));
    await eventually(() => expect(gate.waiting()).toBe(1));
    await moveAway(payer);
    letPass();
    gate.open();
    expect((await answer).body).toMatchObject(failed);
    facilitator.svm.fundToken({ mint: devnetUsdc, owner: payer.publicKey.toBase58(), amount: 10_000n });
  }
  const turnedAway = (await settle(facilitator.url(), await paymentOf(payer))).body;
  expect(turnedAway).toMatchObject({ success: false, transaction: '', errorReason: 'unexpected_settle_error' });
});

function newPayer(amount: bigint): Keypair {
  const payer = Keypair.generate();
  facilitator.svm.fundToken({ mint: devnetUsdc, owner: payer.publicKey.toBase58(), amount });
  return payer;
}

function paymentOf(payer: Keypair): Promise<WireRequest> {
  return svmRequest(facilitator.svm, { payTo: facilitator.wallet.svm, payer });
}

/** The payer's money is elsewhere, in a block, before ours arrives. */
async function moveAway(payer: Keypair): Promise<void> {
  const { svm } = facilitator;
  const authority = payer.publicKey;
  svm.fundSol(authority.toBase58(), 10_000_000n);
  const transaction = signTransaction({
    instructions: [transferInstruction({ authority, payTo: stranger })],
    feePayer: authority,
    signers: [payer],
    blockhash: await latestBlockhash(svm),
  });
  const landed = svm.landedTransactions().length;
  await askNode(svm.url, 'sendTransaction', [encode(transaction), { encoding: 'base64', skipPreflight: true }]);
  await eventually(() => expect(svm.landedTransactions().length).toBeGreaterThan(landed));
}

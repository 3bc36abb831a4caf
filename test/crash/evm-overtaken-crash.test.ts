import type { PaymentReport } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC, createRpcGate, faultOn, sandboxKeys, type EvmChain } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { dateNextBlock } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { startFundedEvm } from '../support/test-facilitator.js';
import { transferOf } from '../support/transfer-call.js';
import { settle, type WireRequest } from '../support/wire.js';
import { inScene } from './crash-cases.js';
import type { CrashScene } from './crash-scene.js';
import { evmCrashChain } from './evm-crash-chain.js';
import { killFacilitatorProcesses, type FacilitatorProcess } from './facilitator-process.js';

const stranger = sandboxKeys.evm.stranger.address;

/** How often everything is looked after, and for how long a dead process's lease may keep others away. */
const tendMs = 100;
const leaseMs = 60_000;
const timeout = 240_000;

let evm: EvmChain;

beforeAll(async () => {
  evm = await startFundedEvm({ slotsInAnEpoch: 32 });
});
afterAll(async () => {
  await killFacilitatorProcesses();
  await evm.stop();
});

test(
  'killed after the claim, before a stranger carried the payment out: the caller that comes back gets the success',
  { timeout },
  () =>
    inScene(evmCrashChain(evm), async (scene) => {
      const request = await scene.settleAndDie('claimed');
      const theirs = await carryOut(request);
      const url = await scene.start({ tendMs });
      await expectOneAnswer(url, request, theirs);
      expect(await scene.outcome()).toEqual({
        transfers: [theirs],
        credits: { count: 1, total: 10_000n },
        payments: ['settled'],
        problems: [],
      });
      expect((await scene.accountNonces()).signed).toEqual([]);
    }),
);

test('killed after noting that a stranger carried a payment out: the next start settles it by that', { timeout }, () =>
  inScene(evmCrashChain(evm), async (scene) => {
    const doomed = await scene.startDoomed('observed');
    const { request, answer, theirs } = await overtake(scene, doomed);
    await expectKilled(doomed, answer);
    expect(await scene.outcome()).toMatchObject({
      transfers: [theirs],
      credits: { count: 0 },
      payments: ['submitted'],
    });

    const url = await scene.start({ tendMs });
    const isSettled = async () => expect(await scene.paymentStates()).toEqual(['settled']);
    await vi.waitFor(isSettled, { timeout: leaseMs, interval: 50 });
    await expectOneAnswer(url, request, theirs);
    expect(await scene.outcome()).toEqual({
      transfers: [theirs],
      credits: { count: 1, total: 10_000n },
      payments: ['settled'],
      problems: [],
    });
    expect((await scene.accountNonces()).signed).toEqual([]);
  }),
);

test(
  'killed after booking what a stranger carried out: the answer waits, and nothing is booked again',
  { timeout },
  () =>
    inScene(evmCrashChain(evm), async (scene) => {
      const doomed = await scene.startDoomed('posted');
      const { request, answer, theirs } = await overtake(scene, doomed);
      await expectKilled(doomed, answer);
      expect(await scene.outcome()).toMatchObject({ credits: { count: 1 }, payments: ['settled'], problems: [] });

      await expectOneAnswer(await scene.start(), request, theirs);
      expect(await scene.outcome()).toMatchObject({ transfers: [theirs], credits: { count: 1 }, problems: [] });
      expect((await scene.accountNonces()).signed).toEqual([]);
    }),
);

test.each(['signed', 'stored'] as const)(
  'killed at "%s" of a payment that a reorg took from the stranger: the next start carries it out, once',
  { timeout },
  (doom) =>
    inScene(evmCrashChain(evm), async (scene) => {
      const doomed = await scene.startDoomed(doom, 1, tendMs);
      const { request, answer, theirs } = await overtake(scene, doomed);
      const { body } = await answer;
      expect(body).toMatchObject({ success: true, transaction: theirs });
      const id = String(body.extra?.['paymentId']);
      await eventually(async () => expect((await reportOf(doomed.url, id)).answerDeliveredAt).not.toBeNull());
      await evm.rpc('evm_setAutomine', [false]);
      await evm.rpc('anvil_reorg', [1, []]);
      await evm.rpc('evm_setAutomine', [true]);
      expect(await doomed.exited).toEqual({ code: null, signal: 'SIGKILL' });
      const { signed } = await scene.accountNonces();
      expect(await scene.outcome()).toMatchObject({ transfers: [], payments: ['settled'], problems: [] });
      expect(signed).toEqual(doom === 'signed' ? [] : [0n]);

      const url = await scene.start({ tendMs, finalityPollMs: tendMs });
      const isBack = async () => {
        expect((await reportOf(url, id)).evidence).toMatchObject({ credited: true, finality: 'confirmed' });
      };
      await vi.waitFor(isBack, { timeout: leaseMs, interval: 100 });
      const { evidence } = await reportOf(url, id);
      expect(evidence?.transaction).not.toBe(theirs);
      expect(await scene.outcome()).toMatchObject({
        transfers: [evidence?.transaction],
        payments: ['settled'],
        problems: [],
      });
      expect(await scene.accountNonces()).toEqual({ signed: [0n], mined: 1 });
      expect((await settle(url, request)).body).toMatchObject({ errorReason: 'duplicate_settlement' });
    }),
);

/** Has a payment claimed, and carries it out as a stranger before the facilitator has verified it. */
async function overtake(scene: CrashScene, { url }: FacilitatorProcess) {
  const request = await scene.request();
  let height: unknown;
  const change = (result: unknown) => (height = result);
  const gate = createRpcGate();
  scene.proxy.use(faultOn('eth_blockNumber', { kind: 'alter', change }));
  const letPass = scene.proxy.use(faultOn('eth_call', { kind: 'hold', gate }));
  const answer = settle(url, request);
  await eventually(() => expect([gate.waiting() > 0, height]).toEqual([true, expect.any(String)]));
  const theirs = await carryOut(request);
  letPass();
  gate.open();
  return { request, answer, theirs };
}

/** A stranger's transaction, in a block. */
async function carryOut(request: WireRequest): Promise<string> {
  await dateNextBlock(evm);
  const call = { from: stranger, to: BASE_SEPOLIA_USDC, data: transferOf(request) };
  const theirs = (await evm.rpc('eth_sendTransaction', [call])) as string;
  await eventually(async () => expect(await evm.rpc('eth_getTransactionReceipt', [theirs])).not.toBeNull());
  return theirs;
}

async function expectKilled(doomed: FacilitatorProcess, answer: Promise<unknown>): Promise<void> {
  await expect(answer).rejects.toThrow('fetch failed');
  expect(await doomed.exited).toEqual({ code: null, signal: 'SIGKILL' });
}

/** The success goes to one of those who ask. */
async function expectOneAnswer(url: string, request: WireRequest, transaction: string): Promise<void> {
  const bodies = (await Promise.all([settle(url, request), settle(url, request)])).map(({ body }) => body);
  expect(bodies.filter(({ success }) => success)).toMatchObject([{ transaction }]);
  expect(bodies.filter(({ success }) => !success)).toMatchObject([
    { errorReason: 'duplicate_settlement', transaction },
  ]);
}

async function reportOf(url: string, id: string): Promise<PaymentReport> {
  return (await (await fetch(`${url}/payments/${id}`)).json()) as PaymentReport;
}

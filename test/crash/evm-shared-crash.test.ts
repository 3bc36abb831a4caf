import { BASE_SEPOLIA_USDC, createRpcGate, faultOn, type EvmChain } from '@tollkeeper/sandbox';
import pg from 'pg';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { waitingIn } from '../support/gather.js';
import { startFundedEvm } from '../support/test-facilitator.js';
import { evmRequest, settle, type WireRequest } from '../support/wire.js';
import { inScene } from './crash-cases.js';
import { evmCrashChain } from './evm-crash-chain.js';
import type { CrashScene, Doom } from './crash-scene.js';
import { killFacilitatorProcesses, type FacilitatorProcess } from './facilitator-process.js';

/** Payers of their own, one payment each: the first goes alone, and the others gather behind it. */
const crowdSize = 6;

/** The time at which the process dies, so that it is the crowd's transaction that it dies with. */
const dooms: readonly { readonly doom: Doom; readonly time: number; readonly stored: readonly number[] }[] = [
  { doom: 'claimed', time: 1 + crowdSize, stored: [] },
  { doom: 'signed', time: 2, stored: [1] },
  { doom: 'stored', time: 2, stored: [1, crowdSize] },
  { doom: 'sending', time: 2, stored: [1, crowdSize] },
  { doom: 'sent', time: 2, stored: [1, crowdSize] },
  { doom: 'broadcast', time: 2, stored: [1, crowdSize] },
  { doom: 'observed', time: 3, stored: [1, crowdSize] },
  { doom: 'posted', time: 2, stored: [1, crowdSize] },
  { doom: 'answering', time: 2, stored: [1, crowdSize] },
];

/** The processes of all cases share the machine. */
const busy = { timeout: 50_000, interval: 50 };

let evm: EvmChain;

beforeAll(async () => {
  evm = await startFundedEvm();
});
afterAll(async () => {
  await killFacilitatorProcesses();
  await evm.stop();
});

test.concurrent.each(dooms)(
  'killed at $doom of a shared transaction: each of its payments moves and is credited and told once',
  (each) => inScene(evmCrashChain(evm), (scene) => dieInCompany(scene, each)),
);

test.concurrent(
  'killed when some payments of a shared transaction are posted: the others are posted later, and nothing twice',
  () => inScene(evmCrashChain(evm), diePostingSome),
);

async function dieInCompany(scene: CrashScene, { doom, time, stored }: (typeof dooms)[number]): Promise<void> {
  const company = await inviteCompany(scene);
  const doomed = await scene.startDoomed(doom, time);
  // Its first answer is the opener's.
  if (doom === 'answering') company.answerOpenerFirst();
  const calls = await company.settle(doomed, { isGathered: doom !== 'claimed' });
  expect(await doomed.exited).toEqual({ code: null, signal: 'SIGKILL' });
  company.letGo();
  expect((await Promise.all(calls)).slice(1)).toEqual(company.crowd.map(() => undefined));
  expect(await scene.legs()).toEqual(stored);

  const [ofOpener, ...ofCrowd] = await company.settleAgain();
  expect(ofCrowd).toEqual(company.crowd.map(() => 1));
  // Its answer may have been flushed just before the process died, and not noted any more.
  expect([1, 2]).toContain(ofOpener);
  await expectOneOfEach(scene);
}

/** One payment cannot be booked as long as the process lives, and the others are. */
async function diePostingSome(scene: CrashScene): Promise<void> {
  const owner = new pg.Client({ connectionString: scene.ownerUrl });
  await owner.connect();
  const company = await inviteCompany(scene);
  const { authorization } = company.crowd[0]?.paymentPayload.payload as { authorization: { from: string } };
  await owner.query(`ALTER TABLE effect ADD CONSTRAINT unbookable CHECK (sender <> '${authorization.from}')`);
  const doomed = await scene.startDoomed('claimed', Infinity);
  const calls = await company.settle(doomed, { isGathered: true });
  await vi.waitFor(async () => {
    expect((await owner.query('SELECT FROM payment WHERE delivered_at IS NOT NULL')).rowCount).toBe(crowdSize);
  }, busy);
  doomed.kill('SIGKILL');
  await Promise.all([doomed.exited, ...calls]);
  expect(await scene.legs()).toEqual([1, crowdSize]);
  expect((await scene.paymentStates()).toSorted()).toEqual([...company.crowd.map(() => 'settled'), 'submitted']);
  await owner.query('ALTER TABLE effect DROP CONSTRAINT unbookable');
  await owner.end();

  expect(await company.settleAgain()).toEqual([1, ...company.crowd.map(() => 1)]);
  expect(await scene.legs()).toEqual([1, crowdSize]);
  await expectOneOfEach(scene);
}

/** An opener and a crowd with a payment each, and how often each was told success. */
async function inviteCompany(scene: CrashScene) {
  const invite = () => requestOfNewPayer(scene.payTo);
  const [opener, crowd] = [await invite(), await Promise.all(Array.from({ length: crowdSize }, invite))];
  const successes = new Map([opener, ...crowd].map((request) => [request, 0]));
  const gate = createRpcGate();
  return { crowd, answerOpenerFirst, settle: settleTogether, letGo: gate.open, settleAgain };

  async function call(url: string, request: WireRequest) {
    const answer = await settle(url, request).catch(() => undefined);
    if (answer?.body.success === true) successes.set(request, (successes.get(request) ?? 0) + 1);
    return answer;
  }

  /** The opener travels alone, and the others together if they are waited for. */
  async function settleTogether({ url }: FacilitatorProcess, { isGathered }: { readonly isGathered: boolean }) {
    // Asked for once in a process, before its first transaction is signed.
    scene.proxy.use(faultOn('eth_estimateGas', { kind: 'hold', gate }));
    const calls = [call(url, opener)];
    await vi.waitFor(() => expect(gate.waiting()).toBe(1), busy);
    calls.push(...crowd.map((request) => call(url, request)));
    if (!isGathered) return calls;
    await vi.waitFor(async () => expect(await waitingIn(url)).toBe(crowdSize), busy);
    gate.open();
    return calls;
  }

  /** Keeps the crowd's transaction from the node until the opener has its answer. */
  function answerOpenerFirst(): void {
    const sent = new Set<string>();
    const answered = createRpcGate();
    scene.proxy.use(({ method, params }) => {
      if (method !== 'eth_sendRawTransaction' || sent.add(JSON.stringify(params)).size === 1) return undefined;
      void vi.waitFor(() => expect(successes.get(opener)).toBe(1), busy).finally(answered.open);
      return { kind: 'hold', gate: answered };
    });
  }

  /** Everybody asks a fresh facilitator, twice. Answers how often each was told success in all. */
  async function settleAgain(): Promise<readonly number[]> {
    const url = await scene.start();
    const answers = await Promise.all([opener, ...crowd, opener, ...crowd].map((request) => call(url, request)));
    for (const answer of answers) {
      if (answer?.body.success !== true) expect(answer?.body).toMatchObject({ errorReason: 'duplicate_settlement' });
    }
    return [...successes.values()];
  }
}

async function expectOneOfEach(scene: CrashScene): Promise<void> {
  const { transfers, ...books } = await scene.outcome();
  const count = 1 + crowdSize;
  expect(books).toEqual({
    credits: { count, total: 10_000n * BigInt(count) },
    payments: Array.from({ length: count }, () => 'settled'),
    problems: [],
  });
  expect(transfers).toHaveLength(count);
  const { signed, mined } = await scene.accountNonces();
  expect(signed).toEqual(signed.map((_, index) => BigInt(index)));
  expect(mined).toBe(signed.length);
}

async function requestOfNewPayer(payTo: string): Promise<WireRequest> {
  const privateKey = generatePrivateKey();
  await evm.mint({ token: BASE_SEPOLIA_USDC, to: privateKeyToAddress(privateKey), amount: 10_000n });
  return evmRequest({ payTo, privateKey });
}

import { BASE_SEPOLIA_USDC, createRpcGate, faultOn, type EvmChain } from '@tollkeeper/sandbox';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { waitingIn } from '../support/gather.js';
import { startFundedEvm } from '../support/test-facilitator.js';
import { evmRequest, settle, type WireRequest } from '../support/wire.js';
import { inScene } from './crash-cases.js';
import { evmCrashChain } from './evm-crash-chain.js';
import type { CrashScene, Doom } from './crash-scene.js';
import { killFacilitatorProcesses } from './facilitator-process.js';

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
  { timeout: 240_000 },
  (each) => inScene(evmCrashChain(evm), (scene) => dieInCompany(scene, each)),
);

async function dieInCompany(scene: CrashScene, { doom, time, stored }: (typeof dooms)[number]): Promise<void> {
  const requests = await Promise.all(Array.from({ length: 1 + crowdSize }, () => requestOfNewPayer(scene.payTo)));
  const successes = new Map(requests.map((request) => [request, 0]));
  const tell = (request: WireRequest) => successes.set(request, (successes.get(request) ?? 0) + 1);

  const doomed = await scene.startDoomed(doom, time);
  // Asked for once in a process, before its first transaction is signed.
  const gate = createRpcGate();
  scene.proxy.use(faultOn('eth_estimateGas', { kind: 'hold', gate }));
  const [opener, ...crowd] = requests;
  const call = async (request: WireRequest | undefined) => {
    const answer = await settle(doomed.url, request).catch(() => undefined);
    if (request !== undefined && answer?.body.success === true) tell(request);
    return answer;
  };
  const calls = [call(opener)];
  await vi.waitFor(() => expect(gate.waiting()).toBe(1), busy);
  calls.push(...crowd.map(call));
  if (doom !== 'claimed') {
    await vi.waitFor(async () => expect(await waitingIn(doomed.url)).toBe(crowdSize), busy);
    gate.open();
  }
  expect(await doomed.exited).toEqual({ code: null, signal: 'SIGKILL' });
  gate.open();
  expect((await Promise.all(calls)).slice(1)).toEqual(crowd.map(() => undefined));
  expect(await scene.legs()).toEqual(stored);

  const url = await scene.start();
  const answers = await Promise.all(
    [...requests, ...requests].map(async (request) => ({ request, ...(await settle(url, request)) })),
  );
  for (const { request, body } of answers) {
    if (body.success) tell(request);
    else expect(body).toMatchObject({ errorReason: 'duplicate_settlement' });
  }
  const [ofOpener, ...ofCrowd] = successes.values();
  expect(ofCrowd).toEqual(crowd.map(() => 1));
  // Its answer may have been flushed just before the process died, and not noted any more.
  expect([1, 2]).toContain(ofOpener);
  const { transfers, ...books } = await scene.outcome();
  expect(books).toEqual({
    credits: { count: requests.length, total: 10_000n * BigInt(requests.length) },
    payments: requests.map(() => 'settled'),
    problems: [],
  });
  expect(transfers).toHaveLength(requests.length);
  const { signed, mined } = await scene.accountNonces();
  expect(signed).toEqual(signed.map((_, index) => BigInt(index)));
  expect(mined).toBe(signed.length);
}

async function requestOfNewPayer(payTo: string): Promise<WireRequest> {
  const privateKey = generatePrivateKey();
  await evm.mint({ token: BASE_SEPOLIA_USDC, to: privateKeyToAddress(privateKey), amount: 10_000n });
  return evmRequest({ payTo, privateKey });
}

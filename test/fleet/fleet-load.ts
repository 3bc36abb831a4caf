import { setTimeout as sleep } from 'node:timers/promises';
import { BASE_SEPOLIA_USDC, type EvmChain } from '@tollkeeper/sandbox';
import type { Address } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { expect } from 'vitest';
import { pick } from '../support/random.js';
import { evmRequest, settle, type WireRequest } from '../support/wire.js';

/** Who is asked, and how it goes. */
export interface FleetCall {
  readonly random: () => number;
  /** The addresses of the processes that are there now. */
  readonly urls: () => readonly string[];
}

/** What became of one payment: where each success came from, and when. */
export interface PaymentOutcome {
  readonly request: WireRequest;
  readonly successes: readonly { readonly url: string; readonly transaction: string; readonly atMs: number }[];
}

/** Payments of 0.01 USDC by payers of their own, several by each. */
export async function signPayments(
  evm: EvmChain,
  { payers, each, payTo }: { readonly payers: number; readonly each: number; readonly payTo: Address },
): Promise<readonly WireRequest[]> {
  const keys = Array.from({ length: payers }, generatePrivateKey);
  const funded = keys.map((key) =>
    evm.mint({ token: BASE_SEPOLIA_USDC, to: privateKeyToAddress(key), amount: 10_000n * BigInt(each) }),
  );
  await Promise.all(funded);
  const signed = keys.flatMap((privateKey) => Array.from({ length: each }, () => evmRequest({ payTo, privateKey })));
  return Promise.all(signed);
}

/** Sends a payment to two different processes at once, and to any of them again until each caller has a final answer. */
export async function settleTwice(request: WireRequest, call: FleetCall): Promise<PaymentOutcome> {
  const urls = call.urls();
  const first = pick(call.random, urls);
  const second = pick(
    call.random,
    urls.filter((url) => url !== first),
  );
  const ends = await Promise.all([first, second].map((url) => settleAtLast(request, call, url)));
  return { request, successes: ends.filter((end) => end !== undefined) };
}

async function settleAtLast(
  request: WireRequest,
  { random, urls }: FleetCall,
  first: string,
): Promise<PaymentOutcome['successes'][number] | undefined> {
  let url = first;
  for (let attempt = 0; attempt < 200; attempt += 1) {
    // A process that dies takes the connection with it.
    const answer = await settle(url, request).catch(() => undefined);
    if (answer?.body.success === true) return { url, transaction: answer.body.transaction, atMs: Date.now() };
    if (answer?.body.errorReason === 'duplicate_settlement') return undefined;
    if (answer?.status === 200) expect(answer.body).toMatchObject({ errorReason: 'settlement_pending' });
    await sleep(50 + 200 * random());
    url = pick(random, urls());
  }
  return expect.fail('a payment got no final answer');
}

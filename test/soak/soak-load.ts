import { setTimeout as sleep } from 'node:timers/promises';
import { BASE_SEPOLIA_USDC, sandboxKeys, type EvmChain } from '@tollkeeper/sandbox';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { expect } from 'vitest';
import { meddle, moveAway, takeBack, type TestPayer } from '../support/payer.js';
import { pick } from '../support/random.js';
import { evmRequest, settle, type WireRequest } from '../support/wire.js';

/** One success that a caller was told. */
export interface Told {
  readonly url: string;
  readonly transaction: string;
}

interface LoadParts {
  readonly random: () => number;
  readonly evm: EvmChain;
  readonly payTo: Address;
  readonly urls: () => readonly string[];
  readonly untilMs: number;
}

/** Payers with more money than they can spend here, and some who have just enough for one payment. */
export interface SoakPayers {
  readonly steady: readonly Hex[];
  /** Each is taken out when it pays. */
  readonly fickle: Hex[];
}

/** Gives them their money before anything goes wrong, and out of reach of every reorg. */
export async function fundPayers(
  evm: EvmChain,
  counts: { readonly steady: number; readonly fickle: number },
): Promise<SoakPayers> {
  const steady = Array.from({ length: counts.steady }, generatePrivateKey);
  const fickle = Array.from({ length: counts.fickle }, generatePrivateKey);
  const fund = (key: Hex, amount: bigint) =>
    evm.mint({ token: BASE_SEPOLIA_USDC, to: privateKeyToAddress(key), amount });
  await Promise.all([...steady.map((key) => fund(key, 10n ** 15n)), ...fickle.map((key) => fund(key, 10_000n))]);
  await evm.mine(10);
  return { steady, fickle };
}

/** Callers that pay one thing after the other until the deadline. Answers the successes of each payment that had any. */
export async function payUntil(
  parts: LoadParts & { readonly payers: SoakPayers; readonly callers: number },
): Promise<readonly (readonly Told[])[]> {
  const told: (readonly Told[])[] = [];
  async function pay(): Promise<void> {
    while (Date.now() < parts.untilMs) {
      const fickle = parts.random() < 0.08 ? parts.payers.fickle.pop() : undefined;
      const privateKey = fickle ?? pick(parts.random, parts.payers.steady);
      const request = await evmRequest({ payTo: parts.payTo, privateKey });
      if (fickle !== undefined) void regret(parts, { privateKey, address: privateKeyToAddress(privateKey), request });
      const calls = parts.random() < 0.5 ? 1 : 2;
      const ends = await Promise.all(Array.from({ length: calls }, () => settleAtLast(request, parts)));
      const successes = ends.filter((end) => end !== undefined);
      if (successes.length > 0) told.push(successes);
    }
  }
  await Promise.all(Array.from({ length: parts.callers }, pay));
  return told;
}

/** The payer thinks better of it a moment later. A block or a pool that is lost may take that back. */
async function regret({ random, evm }: LoadParts, payer: TestPayer): Promise<void> {
  const call = random() < 0.5 ? moveAway(payer, sandboxKeys.evm.stranger.address) : await takeBack(payer);
  await sleep(50 * random());
  await meddle(evm, call).catch(() => undefined);
}

/** Asks until there is a final answer; undefined: no success for this caller. */
async function settleAtLast(request: WireRequest, { random, urls, untilMs }: LoadParts): Promise<Told | undefined> {
  let last: unknown = 'no process';
  while (Date.now() < untilMs + patienceMs) {
    const living = urls();
    const url = living.length === 0 ? undefined : pick(random, living);
    const answer = url === undefined ? undefined : await settle(url, request).catch(() => undefined);
    if (url !== undefined && answer?.body.success === true) return { url, transaction: answer.body.transaction };
    if (answer?.status === 200 && answer.body.errorReason !== 'settlement_pending') return undefined;
    last = answer ?? last;
    await sleep(100 + 200 * random());
  }
  return expect.fail(`a payment got no final answer: ${JSON.stringify(last)}`);
}

/** When all faults are over, everybody has a final answer within this time. */
const patienceMs = 60_000;

import { setTimeout as sleep } from 'node:timers/promises';
import { BASE_SEPOLIA_USDC, sandboxKeys, type EvmChain } from '@tollkeeper/sandbox';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { expect } from 'vitest';
import { createPayer, meddle, moveAway, takeBack } from '../support/payer.js';
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

/** Payers with more money than they can spend here. */
export async function fundPayers(evm: EvmChain, count: number): Promise<readonly Hex[]> {
  const keys = Array.from({ length: count }, generatePrivateKey);
  for (const key of keys) {
    await evm.mint({ token: BASE_SEPOLIA_USDC, to: privateKeyToAddress(key), amount: 10n ** 15n });
  }
  // Out of reach of every reorg.
  await evm.mine(10);
  return keys;
}

/** Callers that pay one thing after the other until the deadline. Answers the successes of each payment that had any. */
export async function payUntil(
  parts: LoadParts & { readonly payers: readonly Hex[]; readonly callers: number },
): Promise<readonly (readonly Told[])[]> {
  const told: (readonly Told[])[] = [];
  async function pay(): Promise<void> {
    while (Date.now() < parts.untilMs) {
      const fickle = parts.random() < 0.08;
      const request = fickle
        ? await fickleRequest(parts)
        : await evmRequest({ ...parts, privateKey: pick(parts.random, parts.payers) });
      const calls = parts.random() < 0.5 ? 1 : 2;
      const ends = await Promise.all(Array.from({ length: calls }, () => settleAtLast(request, parts)));
      const successes = ends.filter((end) => end !== undefined);
      if (successes.length > 0) told.push(successes);
    }
  }
  await Promise.all(Array.from({ length: parts.callers }, pay));
  return told;
}

/** A payment whose payer thinks better of it a moment later. */
async function fickleRequest({ random, evm, payTo }: LoadParts): Promise<WireRequest> {
  const payer = await createPayer(evm, { payTo });
  const regret = random() < 0.5 ? moveAway(payer, sandboxKeys.evm.stranger.address) : await takeBack(payer);
  void sleep(50 * random()).then(() => meddle(evm, regret));
  return payer.request;
}

/** Asks until there is a final answer; undefined: no success for this caller. */
async function settleAtLast(request: WireRequest, { random, urls }: LoadParts): Promise<Told | undefined> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const living = urls();
    const url = living.length === 0 ? undefined : pick(random, living);
    const answer = url === undefined ? undefined : await settle(url, request).catch(() => undefined);
    if (url !== undefined && answer?.body.success === true) return { url, transaction: answer.body.transaction };
    if (answer?.status === 200 && answer.body.errorReason !== 'settlement_pending') return undefined;
    await sleep(100 + 200 * random());
  }
  return expect.fail('a payment got no final answer');
}

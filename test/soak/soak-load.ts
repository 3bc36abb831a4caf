import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { pick } from '../support/random.js';
import { settle, type WireRequest } from '../support/wire.js';
import type { Chance, NetworkUnderTest, SoakPayment, Told } from './network-under-test.js';

/** A payment and everything that its callers were told of it in the end. */
export interface Asked {
  readonly payment: SoakPayment;
  readonly told: readonly Told[];
}

/** What everybody is told of a success that was told before. */
export const repeated = 'duplicate_settlement';

interface Callers {
  readonly random: () => number;
  readonly urls: () => readonly string[];
}

/**
 * Callers that pay one thing after the other until the deadline, on any of the networks, and crowds that pay at once: only what
 * waits together shares a transaction.
 */
export async function payUntil(
  parts: Callers & Chance & { readonly networks: readonly NetworkUnderTest[]; readonly callers: number },
): Promise<readonly Asked[]> {
  const asked: Asked[] = [];
  async function pay(network: NetworkUnderTest): Promise<void> {
    const payment = await network.pay(parts);
    void payment.meddle();
    asked.push({ payment, told: await askFor(payment, parts) });
  }
  async function oneAfterTheOther(): Promise<void> {
    while (Date.now() < parts.untilMs) await pay(pick(parts.random, parts.networks));
  }
  async function inCrowds(network: NetworkUnderTest): Promise<void> {
    while (Date.now() < parts.untilMs) {
      const size = 20 + Math.floor(41 * parts.random());
      await Promise.all(Array.from({ length: size }, () => pay(network)));
      await sleep(2_000 + 4_000 * parts.random());
    }
  }
  await Promise.all([...Array.from({ length: parts.callers }, oneAfterTheOther), ...parts.networks.map(inCrowds)]);
  return asked;
}

/** Asks once more for everything, when all is over. */
export async function askAgain(asked: readonly Asked[], callers: Callers): Promise<readonly Asked[]> {
  const again: Asked[] = [];
  const left = asked.values();
  async function ask(): Promise<void> {
    for (const { payment, told } of left) {
      const last = await settleAtLast(payment.request, { ...callers, untilMs: Date.now() });
      again.push({ payment, told: [...told, last] });
    }
  }
  await Promise.all(Array.from({ length: 10 }, ask));
  return again;
}

/** One caller or two at the same time, each until it has a final answer. */
async function askFor(payment: SoakPayment, parts: Callers & Chance): Promise<readonly Told[]> {
  if (payment.isLeft) return (await askOnce(payment.request, parts)).told;
  const calls = parts.random() < 0.5 ? 1 : 2;
  const told = await Promise.all(Array.from({ length: calls }, () => settleAtLast(payment.request, parts)));
  if (told.some(({ success }) => success)) payment.onServed();
  return told;
}

/** Asks until there is a final answer. */
async function settleAtLast(request: WireRequest, parts: Callers & Pick<Chance, 'untilMs'>): Promise<Told> {
  let last: unknown = 'no process';
  while (Date.now() < parts.untilMs + patienceMs) {
    const { told, answer } = await askOnce(request, parts);
    const [final] = told;
    if (final !== undefined) return final;
    last = answer ?? last;
    await sleep(100 + 200 * parts.random());
  }
  return expect.fail(`a payment got no final answer: ${JSON.stringify(last)}`);
}

/** Asks any process. What is told is a final answer, or nothing. */
async function askOnce(
  request: WireRequest,
  { random, urls }: Callers,
): Promise<{ readonly told: readonly Told[]; readonly answer?: unknown }> {
  const living = urls();
  if (living.length === 0) return { told: [] };
  const url = pick(random, living);
  const answer = await settle(url, request).catch(() => undefined);
  if (answer?.status !== 200 || answer.body.errorReason === 'settlement_pending') return { told: [], answer };
  const { success, transaction, errorReason } = answer.body;
  return { told: [{ url, atMs: Date.now(), success, transaction, errorReason }], answer };
}

/** When all faults are over, everybody has a final answer within this time. */
const patienceMs = 120_000;

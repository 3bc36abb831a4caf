import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@tollkeeper/database';
import { BASE_SEPOLIA_USDC, sandboxKeys, type EvmChain } from '@tollkeeper/sandbox';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { expect } from 'vitest';
import { carryOut, meddle, moveAway, takeBack, type TestPayer } from '../support/payer.js';
import { pick } from '../support/random.js';
import { evmRequest, settle, type WireRequest } from '../support/wire.js';

/** One final answer that a caller got. */
export interface Told {
  readonly url: string;
  readonly atMs: number;
  readonly success: boolean;
  readonly transaction: string;
  readonly errorReason: string | undefined;
}

/** A payment and everything that its callers were told of it in the end. */
export interface Asked {
  readonly request: WireRequest;
  /** Its payer has the money, and leaves it where it is. */
  readonly isSteady: boolean;
  readonly told: readonly Told[];
}

interface LoadParts {
  readonly random: () => number;
  readonly evm: EvmChain;
  readonly database: Database;
  readonly payTo: Address;
  readonly urls: () => readonly string[];
  readonly untilMs: number;
}

/** Payers with more money than they can spend here, and some who have just enough for one payment. */
export interface SoakPayers {
  readonly steady: readonly Hex[];
  /** Each is taken out when it pays. */
  readonly fickle: Hex[];
  /** Those of them that were told success. */
  readonly served: Address[];
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
  return { steady, fickle, served: [] };
}

/** Callers that pay one thing after the other until the deadline. */
export async function payUntil(
  parts: LoadParts & { readonly payers: SoakPayers; readonly callers: number },
): Promise<readonly Asked[]> {
  const asked: Asked[] = [];
  async function pay(): Promise<void> {
    while (Date.now() < parts.untilMs) {
      const fickle = parts.random() < 0.08 ? parts.payers.fickle.pop() : undefined;
      const privateKey = fickle ?? pick(parts.random, parts.payers.steady);
      const request = await evmRequest({ payTo: parts.payTo, privateKey });
      if (fickle !== undefined) void regret(parts, { privateKey, address: privateKeyToAddress(privateKey), request });
      const calls = parts.random() < 0.5 ? 1 : 2;
      const told = await Promise.all(Array.from({ length: calls }, () => settleAtLast(request, parts)));
      if (fickle !== undefined && told.some(({ success }) => success)) {
        parts.payers.served.push(privateKeyToAddress(fickle));
      }
      asked.push({ request, isSteady: fickle === undefined, told });
    }
  }
  await Promise.all(Array.from({ length: parts.callers }, pay));
  return asked;
}

/** Asks once more for everything, when all is over. */
export async function askAgain(asked: readonly Asked[], parts: Omit<LoadParts, 'untilMs'>): Promise<readonly Asked[]> {
  const again: Asked[] = [];
  const left = asked.values();
  async function ask(): Promise<void> {
    for (const each of left) {
      const last = await settleAtLast(each.request, { ...parts, untilMs: Date.now() });
      again.push({ ...each, told: [...each.told, last] });
    }
  }
  await Promise.all(Array.from({ length: 10 }, ask));
  return again;
}

/** Those who were served last spend the money that a reorg has given back to them, before anybody else can have it. */
export async function spendAgain(evm: EvmChain, { served }: SoakPayers): Promise<void> {
  for (const address of served.splice(0).slice(-5)) {
    await meddle(evm, moveAway({ address }, sandboxKeys.evm.stranger.address)).catch(() => undefined);
  }
}

/** The payer thinks better of it a moment later, or a stranger is faster. A block or a pool that is lost may take that back. */
async function regret(parts: LoadParts, payer: TestPayer): Promise<void> {
  const { random, evm } = parts;
  const stranger = sandboxKeys.evm.stranger.address;
  // Some wait for a better occasion.
  if (random() < 0.3) return;
  const isStranger = random() < 0.33;
  const call = isStranger
    ? carryOut(payer, stranger)
    : await pick(random, [() => moveAway(payer, stranger), () => takeBack(payer)])();
  await sleep(50 * random());
  // What a stranger carries out before we sign is refused, and its money is no credit of a payment.
  if (isStranger && !(await isSigned(parts, payer))) return;
  await meddle(evm, call).catch(() => undefined);
}

async function isSigned({ database, untilMs }: LoadParts, { address }: TestPayer): Promise<boolean> {
  while (Date.now() < untilMs) {
    const rows = await database.sql`SELECT FROM payment WHERE payer = ${address} AND state = 'submitted'`.catch(
      () => [],
    );
    if (rows.length > 0) return true;
    await sleep(2);
  }
  return false;
}

/** Asks until there is a final answer. */
async function settleAtLast(
  request: WireRequest,
  { random, urls, untilMs }: Pick<LoadParts, 'random' | 'urls' | 'untilMs'>,
): Promise<Told> {
  let last: unknown = 'no process';
  while (Date.now() < untilMs + patienceMs) {
    const living = urls();
    const url = living.length === 0 ? undefined : pick(random, living);
    const answer = url === undefined ? undefined : await settle(url, request).catch(() => undefined);
    if (url !== undefined && answer?.status === 200 && answer.body.errorReason !== 'settlement_pending') {
      const { success, transaction, errorReason } = answer.body;
      return { url, atMs: Date.now(), success, transaction, errorReason };
    }
    last = answer ?? last;
    await sleep(100 + 200 * random());
  }
  return expect.fail(`a payment got no final answer: ${JSON.stringify(last)}`);
}

/** When all faults are over, everybody has a final answer within this time. */
const patienceMs = 60_000;

import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@tollkeeper/database';
import { BASE_SEPOLIA_USDC, sandboxKeys, type EvmChain } from '@tollkeeper/sandbox';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { carryOut, meddle, moveAway, takeBack, type TestPayer } from '../../support/payer.js';
import { pick } from '../../support/random.js';
import type { Chance } from '../network-under-test.js';

/** A payer who has just the price of one payment. */
export interface FicklePayer {
  readonly privateKey: Hex;
  readonly price: bigint;
}

/** Payers with more money than they can spend here, and some who have just enough for one payment. */
export interface EvmPayers {
  readonly steady: readonly Hex[];
  /** Each is taken out when it pays. */
  readonly fickle: FicklePayer[];
  /** Those of them that were told success. */
  readonly served: Address[];
}

/** Gives them their money before anything goes wrong, and out of reach of every reorg. */
export async function fundEvmPayers(
  evm: EvmChain,
  counts: { readonly steady: number; readonly fickle: number; readonly price: () => bigint },
): Promise<EvmPayers> {
  const steady = Array.from({ length: counts.steady }, generatePrivateKey);
  const fickle = Array.from({ length: counts.fickle }, () => ({
    privateKey: generatePrivateKey(),
    price: counts.price(),
  }));
  const fund = (key: Hex, amount: bigint) =>
    evm.mint({ token: BASE_SEPOLIA_USDC, to: privateKeyToAddress(key), amount });
  await Promise.all([
    ...steady.map((key) => fund(key, 10n ** 15n)),
    ...fickle.map(({ privateKey, price }) => fund(privateKey, price)),
  ]);
  await evm.mine(10);
  return { steady, fickle, served: [] };
}

/** Those who were served last spend the money that a reorg has given back to them, before anybody else can have it. */
export async function spendAgain(evm: EvmChain, { served }: EvmPayers): Promise<void> {
  for (const address of served.splice(0).slice(-5)) {
    await meddle(evm, moveAway({ address }, sandboxKeys.evm.stranger.address)).catch(() => undefined);
  }
}

interface RegretParts extends Chance {
  readonly evm: EvmChain;
  readonly database: Database;
}

/** The payer thinks better of it a moment later, or a stranger is faster. A block or a pool that is lost may take that back. */
export async function regret(parts: RegretParts, payer: TestPayer): Promise<void> {
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

async function isSigned({ database, untilMs }: RegretParts, { address }: TestPayer): Promise<boolean> {
  while (Date.now() < untilMs) {
    const rows = await database.sql`SELECT FROM payment WHERE payer = ${address} AND state = 'submitted'`.catch(
      () => [],
    );
    if (rows.length > 0) return true;
    await sleep(2);
  }
  return false;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { sandboxKeys } from '@tollkeeper/sandbox';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { expect } from 'vitest';
import type { FleetScene } from '../../fleet/fleet-scene.js';
import { evmTransfersTo } from '../../support/evm-transfers.js';
import { carryOut, meddle } from '../../support/payer.js';
import type { Transfer } from '../../support/transfer.js';
import { evmRequest, type WireRequest } from '../../support/wire.js';
import type { Chance, SoakPayment, Told } from '../network-under-test.js';

/** What became of the payments that a stranger carried out. */
interface Overtaken {
  readonly request: WireRequest;
  /** The stranger's transaction; undefined while the payment is not claimed, or where no node took it. */
  transaction?: Hex;
}

/** What is told of an authorization that was used before the claim under which it is looked at. */
const usedBefore = 'invalid_exact_evm_nonce_already_used';
const expired = 'invalid_exact_evm_payload_authorization_valid_before';

/** A facilitator takes an authorization for expired so long before. */
const expiryMarginSeconds = 10;

/**
 * Payments that a stranger carries out at any moment after their claim, to an address of their own: of money that came too
 * early for a payment, the books of the wallet must know nothing. That happens only where a claim ended, by a fault, before it
 * could be verified: the next claim is younger than the transfer.
 */
export function createStrangers(scene: FleetScene, price: () => bigint) {
  const { evm, database } = scene;
  const payTo = privateKeyToAddress(generatePrivateKey());
  const overtaken: Overtaken[] = [];

  return {
    async pay(chance: Chance, privateKey: Hex): Promise<SoakPayment> {
      const value = price();
      const request = await evmRequest({ payTo, privateKey, value });
      const one: Overtaken = { request };
      const address = privateKeyToAddress(privateKey);
      const { validBefore } = authorizationOf(request);
      overtaken.push(one);
      return {
        request,
        signed: { from: address, to: payTo, amount: value },
        isLeft: false,
        mayFail: (told) => one.transaction !== undefined && isUsedBefore(told, validBefore),
        meddle: () => carryOutOnceClaimed(chance, one, address),
        onServed: () => undefined,
      };
    },
    /** The transfers of payments; those that came too early belong to none. */
    async transfers(): Promise<readonly Transfer[]> {
      const early = new Set<string | undefined>((await findEarly()).map(({ transaction }) => transaction));
      return (await evmTransfersTo(evm, [payTo])).filter(({ transaction }) => !early.has(transaction));
    },
    /** How many a stranger carried out, and how many of those were told to have been used before. */
    async counts(): Promise<string> {
      const came = overtaken.filter(({ transaction }) => transaction !== undefined);
      const early = await findEarly();
      expect(early.filter(({ transaction }) => transaction === undefined)).toEqual([]);
      // Most claims live until they are verified, even here; but a fault may end those of a whole crowd.
      if (came.length >= 10) expect(early.length).toBeLessThan(0.75 * came.length);
      return `${came.length} payments were carried out by a stranger; of ${early.length} the claim had ended`;
    },
  };

  /** Those that no payment is known of. */
  async function findEarly(): Promise<readonly Overtaken[]> {
    const rows = await database.sql<{ nonce: string }>`
      SELECT right(claim_key, 64) AS nonce FROM payment WHERE pay_to = ${payTo}`;
    const known = new Set(rows.map(({ nonce }) => nonce));
    return overtaken.filter(({ request }) => !known.has(nonceOf(request)));
  }

  async function carryOutOnceClaimed({ random, untilMs }: Chance, one: Overtaken, address: Address): Promise<void> {
    const delayMs = random() < 0.5 ? 0 : 100 * random();
    if (!(await isClaimed(one, untilMs))) return;
    await sleep(delayMs);
    const payer = { ...one, address, privateKey: '0x' as const };
    const transaction = await meddle(evm, carryOut(payer, sandboxKeys.evm.stranger.address)).catch(() => undefined);
    if (transaction !== undefined) one.transaction = transaction;
  }

  async function isClaimed({ request }: Overtaken, untilMs: number): Promise<boolean> {
    while (Date.now() < untilMs) {
      const rows = await database.sql`
        SELECT FROM payment WHERE pay_to = ${payTo} AND right(claim_key, 64) = ${nonceOf(request)}`.catch(() => []);
      if (rows.length > 0) return true;
      await sleep(2);
    }
    return false;
  }
}

/** Whoever asks when the authorization has expired as well is told that. */
function isUsedBefore({ errorReason, atMs }: Told, validBefore: string): boolean {
  const isExpired = atMs / 1_000 > Number(validBefore) - expiryMarginSeconds;
  return errorReason === usedBefore || (isExpired && errorReason === expired);
}

function nonceOf(request: WireRequest): string {
  return authorizationOf(request).nonce.slice(2);
}

function authorizationOf({ paymentPayload }: WireRequest): Authorization {
  return (paymentPayload.payload as { readonly authorization: Authorization }).authorization;
}

interface Authorization {
  readonly nonce: Hex;
  /** Seconds since 1970. */
  readonly validBefore: string;
}

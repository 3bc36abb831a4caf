import { setTimeout as sleep } from 'node:timers/promises';
import type { PaymentReport } from '@tollkeeper/protocol';
import { createRpcGate, type EvmChain } from '@tollkeeper/sandbox';
import type { Hex } from 'viem';
import { expect } from 'vitest';
import { eventually } from '../support/eventually.js';
import type { TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest, settle, type Family, type WireRequest } from '../support/wire.js';

/** A facilitator that looks for finality without a pause. */
export const eager = { finalityPollMs: 20 };

/** A chain whose blocks are final under 16 others, so that a reorg of five never undoes what is final. */
export const slowlyFinal = { slotsInAnEpoch: 8 };
export const blocksToFinality = 16;

export interface Paid {
  readonly paymentId: string;
  readonly transaction: string;
}

/** Settles a payment of 0.01 USDC and answers what the caller was told. */
export async function pay(facilitator: TestFacilitator, family: Family, request?: WireRequest): Promise<Paid> {
  const { body } = await settle(facilitator.url(), request ?? (await freshRequest(facilitator, family)));
  if (!body.success) expect.fail(JSON.stringify(body));
  return { paymentId: String(body.extra?.['paymentId']), transaction: body.transaction };
}

export async function reportOf(facilitator: TestFacilitator, { paymentId }: Paid): Promise<PaymentReport> {
  return (await (await fetch(`${facilitator.url()}/payments/${paymentId}`)).json()) as PaymentReport;
}

/** Waits until a payment's evidence is in this state, and answers its report. */
export function reported(
  facilitator: TestFacilitator,
  paid: Paid,
  evidence: Partial<PaymentReport['evidence']>,
): Promise<PaymentReport> {
  return eventually(async () => {
    const report = await reportOf(facilitator, paid);
    expect(report).toMatchObject({ state: 'settled', evidence });
    return report;
  });
}

/** What the test's wallet has on all networks, in minor units. */
export async function walletOf({ database, wallet }: TestFacilitator): Promise<{ pending: bigint; available: bigint }> {
  const rows = await database.database.sql<{ kind: string; held: bigint }>`
    SELECT account.kind, sum(balance.credit - balance.debit) AS held
    FROM account JOIN balance ON balance.account_id = account.id
    WHERE account.owner = ${wallet.id} GROUP BY account.kind`;
  const on = (kind: string) => rows.find((row) => row.kind === kind)?.held ?? 0n;
  return { pending: on('merchant_pending'), available: on('merchant_available') };
}

/** How many journals of each kind the ledger has. */
export async function journalsOf({ database }: TestFacilitator): Promise<Readonly<Record<string, number>>> {
  const rows = await database.database.sql<{ scope: string; count: bigint }>`
    SELECT scope, count(*) AS count FROM journal WHERE scope NOT LIKE 'network_fee%' GROUP BY scope`;
  return Object.fromEntries(rows.map(({ scope, count }) => [scope, Number(count)]));
}

/** The bytes of a transaction, to give to a reorg that keeps it. */
export async function rawOf(evm: EvmChain, transaction: string): Promise<Hex> {
  return (await evm.rpc('eth_getRawTransactionByHash', [transaction])) as Hex;
}

/** Replaces the newest blocks by as many empty ones. What they held is dropped, from the pool too. */
export async function reorg(evm: EvmChain, depth: number): Promise<void> {
  await evm.rpc('anvil_reorg', [depth, []]);
}

/**
 * Replaces the newest blocks by as many others. They hold the given transactions, each in the block of that index, and no
 * others. Anvil makes them one after the other: who looked between two of them would see dropped what is kept.
 */
export async function reorgKeeping(
  { evm, evmRpc }: TestFacilitator,
  depth: number,
  kept: readonly (readonly [Hex, number])[],
): Promise<void> {
  const gate = createRpcGate();
  const letPass = evmRpc.use(() => ({ kind: 'hold', gate }));
  await evm.rpc('anvil_reorg', [depth, kept]);
  letPass();
  gate.open();
}

/** Waits until what is counted has not grown for a moment. */
export async function untilQuiet(count: () => number): Promise<void> {
  await eventually(async () => {
    const before = count();
    await sleep(200);
    expect(count()).toBe(before);
  });
}

/** Holds the books against themselves and the chains, once nothing is under way any more. */
export async function expectSoundBooks(facilitator: TestFacilitator): Promise<void> {
  await eventually(async () => expect(await facilitator.bookProblems()).toEqual([]));
}

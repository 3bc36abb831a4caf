import { Connection, PublicKey } from '@solana/web3.js';
import { solanaDevnet } from '@tollkeeper/protocol';
import { sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { freshRequest, settle, verify } from '../support/wire.js';

const feePayer = sandboxKeys.svm.facilitator.address;
const minimum = 5_000_000n;
const plenty = 10_000_000_000n;

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator({
    evm: false,
    env: () => ({ SVM_SIGNER_BALANCE_MIN_LAMPORTS: minimum.toString(), SETTLE_WAIT_MS: '2000' }),
    overrides: { tendMs: 200 },
  });
});
afterAll(() => facilitator.stop());
beforeEach(() => fund(plenty, { isShort: false }));
afterEach(async () => {
  await fund(plenty, { isShort: false });
  expect(await facilitator.bookProblems()).toEqual([]);
});

test('a fee payer below the minimum signs nothing until it is funded', async () => {
  await fund(minimum - 1n, { isShort: true });
  const before = await tracesOf(facilitator, 'Solana');
  const request = await freshRequest(facilitator, 'Solana');
  expect(await settle(facilitator.url(), request)).toMatchObject({
    status: 503,
    body: { success: false, code: 'SETTLEMENT_BUSY', transaction: '' },
  });
  expect(await tracesOf(facilitator, 'Solana')).toEqual(before);
  expect((await verify(facilitator.url(), request)).body).toMatchObject({ isValid: true });

  const waiting = settle(facilitator.url(), request);
  await eventually(async () => expect(await facilitator.database.database.sql`SELECT FROM payment`).not.toEqual([]));
  await fund(minimum, { isShort: false });
  expect((await waiting).body).toMatchObject({ success: true });
  const { transfers, credited, payments } = withPayments(before, 1);
  expect(await tracesOf(facilitator, 'Solana')).toMatchObject({ transfers, credited, payments });
});

test.each([
  ['is gone', 0n],
  ['holds less than the fee', 1_000n],
  ['would fall below the rent that its account needs', 893_000n],
])('a payment is not blamed for a fee payer that %s', async (_how, lamports) => {
  const request = await freshRequest(facilitator, 'Solana');
  await fund(lamports, { isShort: true });
  expect(await verify(facilitator.url(), request)).toMatchObject({
    status: 503,
    body: { isValid: false, code: 'SIGNER_UNFUNDED', retryable: true, invalidReason: 'unexpected_verify_error' },
  });
  expect((await settle(facilitator.url(), request)).status).toBe(503);
  expect((await fetch(`${facilitator.url()}/ready`)).status).toBe(503);
  await fund(plenty, { isShort: false });
  expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
});

/** What the chain says, whatever the facilitator's own way to it does. */
async function balance(): Promise<bigint> {
  return BigInt(await new Connection(facilitator.svm.url, 'confirmed').getBalance(new PublicKey(feePayer)));
}

/** Sets what the fee payer holds, and waits until the facilitator has noticed. */
async function fund(lamports: bigint, { isShort }: { readonly isShort: boolean }): Promise<void> {
  facilitator.svm.fundSol(feePayer, lamports - (await balance()));
  await eventually(async () => {
    const short = await metricOf(facilitator.url(), 'tollkeeper_signers_short_of_funds', { network: solanaDevnet });
    expect(short).toBe(isShort ? 1 : 0);
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resumeTime, stopTime } from '../support/chain-time.js';
import { eventually } from '../support/eventually.js';
import { createPayer } from '../support/payer.js';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf } from '../support/traces.js';
import { families, freshRequest, settle, settleAtLast, type Family, type WireRequest } from '../support/wire.js';

/** Longer than callers wait, than leases last and than any call to a node may take. */
const awayMs = 30_000;

let facilitator: TestFacilitator;

beforeAll(async () => {
  // As slow as devnet, so that a blockhash outlives the outage.
  facilitator = await startTestFacilitator({ svm: { slotMs: 400 } });
});
afterAll(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
  await facilitator.stop();
});

test.concurrent.each(families)(
  'a node on %s that is away for half a minute is waited for, and each payment is carried out once',
  async (family) => {
    const rpc = family === 'EVM' ? facilitator.evmRpc : facilitator.svmRpc;
    const [sent, late] = [await requests(family, 4), await requests(family, 2)];
    const before = await tracesOf(facilitator, family);
    await stopTime(facilitator, family);
    const answers = sent.map((request) => settle(facilitator.url(), request));
    await eventually(() => expect(rpc.transactions()).toBeGreaterThan(before.broadcasts));
    const nodeIsBack = rpc.use(() => ({ kind: 'drop' }));
    const refused = late.map((request) => settle(facilitator.url(), request));
    await sleep(awayMs / 6);
    // What it has is mined while nobody can see it.
    await resumeTime(facilitator, family);
    await sleep((5 * awayMs) / 6);
    for (const { body } of await Promise.all([...answers, ...refused])) expect(body.success).not.toBe(true);
    nodeIsBack();

    const ends = await Promise.all([...sent, ...late].map((request) => settleAtLast(facilitator.url(), request)));
    expect(ends.map(({ body }) => body.success)).toEqual(ends.map(() => true));
    const { transfers, credited, payments } = await tracesOf(facilitator, family);
    expect({ transfers, credited, payments }).toEqual({
      transfers: before.transfers + ends.length,
      credited: before.credited + 10_000n * BigInt(ends.length),
      payments: before.payments + ends.length,
    });
  },
);

/** Payments that do not wait for each other. */
function requests(family: Family, count: number): Promise<readonly WireRequest[]> {
  const { evm, wallet } = facilitator;
  const make = async () =>
    family === 'EVM' ? (await createPayer(evm, { payTo: wallet.evm })).request : freshRequest(facilitator, family);
  return Promise.all(Array.from({ length: count }, make));
}

import { expect, test, vi } from 'vitest';
import { settle, verify, type WireRequest } from '../support/wire.js';
import { createCrashScene, type CrashChain, type CrashScene, type Doom } from './crash-scene.js';

/** Until a transaction is stored nothing may be broadcast, and what died with the process must not stand in anybody's way. */
const beforeStored: readonly Doom[] = ['claimed', 'signed'];

/** From there on the payment is finished by whoever starts next. */
const afterStored: readonly Doom[] = ['stored', 'sending', 'sent', 'broadcast', 'observed', 'posted', 'answering'];

/** A dead process's claim makes way when its lease of 15 seconds ends, while the settle call waits. */
const timeoutMs = 240_000;

/** Leases of up to fifteen seconds end within this time, and what follows is done, while other cases start processes. */
const leaseMs = 60_000;

/** Kills a facilitator at every checkpoint of a settlement and holds the next one to the promise: one of everything. */
export function crashCases(chain: () => CrashChain): void {
  test.concurrent.each(beforeStored)(
    'killed at "%s": nothing was signed, and the repeated request settles',
    { timeout: timeoutMs },
    (doom) => inScene(chain(), (scene) => dieBeforeStored(scene, doom)),
  );

  test.concurrent.each(afterStored)(
    'killed at "%s": the next start finishes it, and the answer waits',
    { timeout: timeoutMs },
    (doom) => inScene(chain(), (scene) => dieAfterStored(scene, doom)),
  );
}

export async function inScene(chain: CrashChain, play: (scene: CrashScene) => Promise<void>): Promise<void> {
  const scene = await createCrashScene(chain);
  try {
    await play(scene);
  } finally {
    await scene.stop();
  }
}

async function dieBeforeStored(scene: CrashScene, doom: Doom): Promise<void> {
  const request = await scene.settleAndDie(doom);
  expect(await scene.outcome()).toEqual({
    transfers: [],
    credits: { count: 0, total: 0n },
    payments: ['claimed'],
    problems: [],
  });
  expect((await scene.accountNonces()).signed).toEqual([]);
  await expectOneOfEverything(scene, await scene.start(), request);
}

async function dieAfterStored(scene: CrashScene, doom: Doom): Promise<void> {
  const request = await scene.settleAndDie(doom);
  if (doom === 'stored' || doom === 'sending') expect((await scene.outcome()).transfers).toEqual([]);

  const url = await scene.start();
  const settled = async () => {
    expect(await scene.paymentStates()).toEqual(['settled']);
  };
  await vi.waitFor(settled, { timeout: leaseMs, interval: 50 });
  expect(await scene.outcome()).toMatchObject({ transfers: [expect.any(String)], credits: { count: 1 } });
  // An answer that was on its way when the process died is given up after ten seconds.
  const valid = async () => {
    expect((await verify(url, request)).body).toMatchObject({ isValid: true });
  };
  await vi.waitFor(valid, { timeout: leaseMs, interval: 100 });
  await expectOneOfEverything(scene, url, request);
}

/** The request that was never answered gets its one success now, and the lane goes on without a gap. */
async function expectOneOfEverything(scene: CrashScene, url: string, request: WireRequest): Promise<void> {
  const answers = await Promise.all([settle(url, request), settle(url, request)]);
  const success = answers.find(({ body }) => body.success) ?? expect.fail(JSON.stringify(answers));
  const { transaction } = success.body;
  const duplicate = { success: false, errorReason: 'duplicate_settlement', transaction };
  expect(answers.filter((answer) => answer !== success)).toMatchObject([{ status: 200, body: duplicate }]);
  expect(await settle(url, request)).toMatchObject({ status: 200, body: duplicate });
  expect(await scene.outcome()).toEqual({
    transfers: [transaction],
    credits: { count: 1, total: 10_000n },
    payments: ['settled'],
    problems: [],
  });

  expect((await settle(url, await scene.request())).body).toMatchObject({ success: true });
  const { signed, mined } = await scene.accountNonces();
  expect(signed).toEqual(mined === undefined ? [null, null] : [0n, 1n]);
  expect(mined ?? signed.length).toBe(2);
}

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { killFacilitatorProcesses } from '../crash/facilitator-process.js';
import { createFleetScene, type FleetScene } from '../fleet/fleet-scene.js';
import { startMortalDatabase, type MortalDatabase } from '../support/mortal-database.js';
import { createRandom } from '../support/random.js';
import { createSoakEvidence } from './soak-evidence.js';
import { makeTrouble } from './soak-faults.js';
import { askAgain, fundPayers, payUntil, type Asked } from './soak-load.js';
import { startSoakProcesses, type SoakProcesses } from './soak-processes.js';

/** Replays the choices of a run, though not its timing: set SOAK_SEED to the seed that a failed one printed. */
const seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000_000);
const seconds = Number(process.env['SOAK_SECONDS'] ?? 30);

/** What is left when all faults are over ends within this time: leases of dead processes, late evidence, reorgs. */
const calmMs = 90_000;

/** Deep enough for everything that the chain does here. */
const slotsInAnEpoch = 32;

const evidence = createSoakEvidence();
let postgres: MortalDatabase;
let scene: FleetScene;
let processes: SoakProcesses;
let isFailed = false;

beforeAll(async () => {
  postgres = await startMortalDatabase();
  scene = await createFleetScene({ lanes: 3, chain: { slotsInAnEpoch }, databaseUrl: postgres.url });
  processes = await startSoakProcesses(scene, { count: 2, logFile: evidence.logFile });
}, 120_000);
afterAll(async () => {
  await killFacilitatorProcesses();
  await scene.stop();
  await postgres.stop();
  if (!isFailed) evidence.remove();
});

test(
  `whatever goes wrong for ${seconds} s, each payment ends, once (seed ${seed})`,
  { timeout: 2 * seconds * 1_000 + 4 * calmMs },
  async () => {
    onTestFailed(async () => {
      isFailed = true;
      await evidence.keep(scene);
    });
    const { evm, payTo, database, signers } = scene;
    const payers = await fundPayers(evm, { steady: 20, fickle: Math.min(2 * seconds, 500) });
    const untilMs = Date.now() + seconds * 1_000;
    const load = { evm, payTo, database, urls: processes.urls, random: createRandom(seed) };
    const trouble = {
      evm,
      signers,
      processes,
      postgres,
      payers,
      random: createRandom(seed + 1),
      isLong: seconds >= 120,
    };
    const paid = payUntil({ ...load, untilMs, payers, callers: 10 });
    const troubled = makeTrouble({ ...trouble, untilMs, onFault: (line) => evidence.note(line) });
    const blocks = troubled.then(() => mineUntil(paid));
    const [asked, faults] = await Promise.all([paid, troubled, blocks]);
    await processes.settled();
    expect(faults.size).toBeGreaterThan(0);

    await calmDown();
    const answered = await askAgain(asked, load);
    await calmDown();
    await untilFinal();
    for (const each of answered) expectOneStory(each);
    const settled = await database.sql<{ delivered: boolean; lost: boolean }>`
      SELECT delivered_at IS NOT NULL AS delivered, lost_at IS NOT NULL AS lost
      FROM payment JOIN effect ON effect.payment_id = payment.id WHERE payment.state = 'settled'`;
    // Most of the time something stands still.
    expect(settled.length).toBeGreaterThan(seconds / 4);
    // What a reorg has taken back for good was answered before that, or is a failure.
    expect(await scene.transfers()).toHaveLength(settled.filter(({ lost }) => !lost).length);
    expect(settled.filter(({ delivered, lost }) => !delivered && !lost)).toEqual([]);
    const successful = answered.filter(({ told }) => told.some(({ success }) => success));
    expect(successful).toHaveLength(settled.filter(({ delivered }) => delivered).length);
  },
);

/**
 * A payer who had the money is told success, once; and again only where the process that told it was killed before it could
 * note that. After that, everybody is told that it was a repeat.
 */
function expectOneStory({ told, isSteady, request }: Asked): void {
  const successes = told.filter(({ success }) => success);
  const story = JSON.stringify({ told, payload: request.paymentPayload.payload }, null, 1);
  if (isSteady) expect(successes.length, story).toBeGreaterThanOrEqual(1);
  const certain = successes.filter((each) => !processes.mayHaveForgotten(each));
  expect(certain.length, story).toBeLessThanOrEqual(1);
  if (successes.length > 0 && told.at(-1)?.success === false) {
    expect(told.at(-1)?.errorReason, story).toBe('duplicate_settlement');
  }
}

/** Blocks come as on a living chain, so that what was hidden before is looked for again. */
async function mineUntil(end: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  void end.catch(() => undefined).then(() => over.abort());
  while (!over.signal.aborted) {
    await scene.evm.mine();
    await sleep(500);
  }
}

/** Waits until nothing is under way and nothing is wrong. */
function calmDown(): Promise<void> {
  return untilNone(() => scene.problems());
}

/** Waits until every transfer is final, or taken back for good. */
async function untilFinal(): Promise<void> {
  await scene.evm.mine(2 * slotsInAnEpoch);
  await untilNone(async () => [
    ...(await scene.problems()),
    ...(await scene.database.sql`SELECT id, payment_id FROM effect WHERE final_at IS NULL AND lost_at IS NULL`),
  ]);
}

async function untilNone(find: () => Promise<readonly unknown[]>): Promise<void> {
  const untilMs = Date.now() + calmMs;
  for (;;) {
    await scene.evm.mine();
    const left = await find();
    if (left.length === 0) return;
    if (Date.now() > untilMs) expect(left).toEqual([]);
    await sleep(500);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { killFacilitatorProcesses } from '../crash/facilitator-process.js';
import { createFleetScene, type FleetScene } from '../fleet/fleet-scene.js';
import { startMortalDatabase, type MortalDatabase } from '../support/mortal-database.js';
import { createRandom } from '../support/random.js';
import { putEvmUnderTest } from './evm/evm-under-test.js';
import type { NetworkUnderTest } from './network-under-test.js';
import { expectOneOfEach } from './one-of-each.js';
import { createSoakEvidence } from './soak-evidence.js';
import { makeTrouble } from './soak-faults.js';
import { askAgain, payUntil, repeated, type Asked } from './soak-load.js';
import { startSoakProcesses, type SoakProcesses } from './soak-processes.js';
import { commitmentLag } from './svm/commitment.js';
import { putSvmUnderTest } from './svm/svm-under-test.js';

/** Replays the choices of a run, though not its timing: set SOAK_SEED to the seed that a failed one printed. */
const seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000_000);
const seconds = Number(process.env['SOAK_SECONDS'] ?? 120);

/** What is left when all faults are over ends within this time: leases of dead processes, late evidence, reorgs. */
const calmMs = 180_000;

/** Deep enough for everything that the chain does here. */
const slotsInAnEpoch = 32;

/** A blockhash lives for twelve seconds then, which few payments outlive. */
const slotMs = 80;

const evidence = createSoakEvidence();
let postgres: MortalDatabase;
let scene: FleetScene;
let networks: readonly NetworkUnderTest[] = [];
let processes: SoakProcesses;
let isFailed = false;

beforeAll(async () => {
  postgres = await startMortalDatabase();
  const chains = { chain: { slotsInAnEpoch }, svm: { slotMs, commitmentLag } };
  scene = await createFleetScene({ lanes: 3, wallets: 5, ...chains, databaseUrl: postgres.url });
  const payers = { steady: 60, fickle: Math.min(2 * seconds, 500) };
  networks = [
    await putEvmUnderTest(scene, { ...payers, finalBlocks: 2 * slotsInAnEpoch }),
    await putSvmUnderTest(scene, payers),
  ];
  processes = await startSoakProcesses(scene, { count: 2, nodes: networks, logFile: evidence.logFile });
});
afterAll(async () => {
  await killFacilitatorProcesses();
  for (const network of networks) network.stop();
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
      await evidence.keep(scene, networks);
    });
    const untilMs = Date.now() + seconds * 1_000;
    const load = { networks, urls: processes.urls, random: createRandom(seed) };
    const trouble = { networks, processes, postgres, random: createRandom(seed + 1), isLong: seconds >= 120 };
    const paid = payUntil({ ...load, untilMs, callers: 10 });
    const troubled = makeTrouble({ ...trouble, untilMs, onFault: (line) => evidence.note(line) });
    const blocks = troubled.then(() => moveOnUntil(paid));
    const [asked, faults] = await Promise.all([paid, troubled, blocks]);
    await processes.settled();
    // Of some thirty kinds, and some fifty in two minutes.
    expect(faults.size).toBeGreaterThan(Math.min(seconds / 10, 20));

    await calmDown();
    const answered = await askAgain(asked, load);
    await calmDown();
    await untilFinal();
    for (const each of answered) expectOneStory(each);
    for (const network of networks) {
      const answeredThere = answered.filter(
        ({ payment }) => payment.request.paymentRequirements['network'] === network.network,
      );
      // Most of the time something stands still.
      expect(await expectOneOfEach(scene, network, answeredThere)).toBeGreaterThan(seconds / 8);
      const counts = await network.counts?.();
      if (counts !== undefined) process.stderr.write(`${counts}\n`);
    }
  },
);

/**
 * A payer who had the money in time is told success, once; and again only where the process that told it was killed before it
 * could note that. After that, everybody is told that it was a repeat.
 */
function expectOneStory({ told, payment }: Asked): void {
  const successes = told.filter(({ success }) => success);
  const failures = told.filter(({ success, errorReason }) => !success && errorReason !== repeated);
  const story = JSON.stringify({ told, payload: payment.request.paymentPayload.payload }, null, 1);
  expect(successes.length + failures.length, story).toBeGreaterThanOrEqual(1);
  expect(
    failures.filter((each) => !payment.mayFail(each)),
    story,
  ).toEqual([]);
  const certain = successes.filter((each) => !processes.mayHaveForgotten(each));
  expect(certain.length, story).toBeLessThanOrEqual(1);
  if (successes.length > 0 && told.at(-1)?.success === false) expect(told.at(-1)?.errorReason, story).toBe(repeated);
}

/** Time passes as on living chains, so that what was hidden before is looked for again. */
async function moveOnUntil(end: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  void end.catch(() => undefined).then(() => over.abort());
  while (!over.signal.aborted) {
    await moveOn();
    await sleep(500);
  }
}

async function moveOn(): Promise<void> {
  await Promise.all(networks.map((network) => network.moveOn()));
}

/** Everything that is not as it should be once all is over, in words. */
async function findProblems(): Promise<readonly string[]> {
  const each = await Promise.all([scene.problems(), ...networks.map((network) => network.problems())]);
  return each.flat();
}

/** Waits until nothing is under way and nothing is wrong. */
function calmDown(): Promise<void> {
  return untilNone(findProblems);
}

/** Waits until every transfer is final, or taken back for good. */
async function untilFinal(): Promise<void> {
  await Promise.all(networks.map((network) => network.makeFinal()));
  await untilNone(async () => [
    ...(await findProblems()),
    ...(await scene.database.sql`SELECT id, payment_id FROM effect WHERE final_at IS NULL AND lost_at IS NULL`),
  ]);
}

async function untilNone(find: () => Promise<readonly unknown[]>): Promise<void> {
  const untilMs = Date.now() + calmMs;
  for (;;) {
    await moveOn();
    const left = await find();
    if (left.length === 0) return;
    if (Date.now() > untilMs) expect(left).toEqual([]);
    await sleep(500);
  }
}

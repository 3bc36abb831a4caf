import { afterAll, beforeAll, expect, test } from 'vitest';
import { killFacilitatorProcesses, type FacilitatorProcess } from '../crash/facilitator-process.js';
import { eventually } from '../support/eventually.js';
import { createRandom, pick } from '../support/random.js';
import { settleTwice, signPayments } from './fleet-load.js';
import { createFleetScene, type FleetScene } from './fleet-scene.js';

const payments = { payers: 100, each: 5 };
/** Replays a run: set FLEET_SEED to the seed that a failed one printed. */
const seed = Number(process.env['FLEET_SEED'] ?? Date.now() % 1_000_000_000);
const total = payments.payers * payments.each;

let scene: FleetScene;
let processes: readonly FacilitatorProcess[];

beforeAll(async () => {
  scene = await createFleetScene({ lanes: 4 });
  processes = await Promise.all([1, 2, 3].map(() => scene.startProcess()));
}, 120_000);
afterAll(async () => {
  await killFacilitatorProcesses();
  await scene.stop();
});

test(
  `500 payments, each sent to two of three processes, of which one is killed: one of everything (seed ${seed})`,
  { timeout: 180_000 },
  async () => {
    const random = createRandom(seed);
    await eventually(async () => expect(new Set(await laneHolders()).size).toBe(3));
    const requests = await signPayments(scene.evm, { ...payments, payTo: scene.payTo });
    let living = processes;
    const call = { random, urls: () => living.map(({ url }) => url) };

    const outcomes = requests.map((request) => settleTwice(request, call));
    const victim = pick(random, processes);
    await eventually(async () => expect(await settled()).toBeGreaterThan(total / 4));
    victim.kill('SIGKILL');
    living = processes.filter((each) => each !== victim);
    await victim.exited;

    const told = await Promise.all(outcomes);
    for (const { successes } of told) {
      // Flushed by the killed process, which could not note that any more.
      const retold = successes.filter(({ url }) => url !== victim.url);
      expect(successes.length).toBeGreaterThanOrEqual(1);
      expect(retold.length).toBeLessThanOrEqual(1);
      expect(new Set(successes.map(({ transaction }) => transaction)).size).toBe(1);
    }
    const toldTwice = told.filter(({ successes }) => successes.length > 1);
    expect(toldTwice.length).toBeLessThan(total / 20);
    expect(await scene.transfers()).toHaveLength(total);
    expect(await credits()).toEqual({ count: BigInt(total), total: 10_000n * BigInt(total) });
    expect(await scene.problems()).toEqual([]);
    await eventually(async () => expect(new Set(await laneHolders()).size).toBe(2));
  },
);

async function settled(): Promise<number> {
  return (await scene.database.sql`SELECT FROM payment WHERE state = 'settled'`).length;
}

async function laneHolders(): Promise<readonly string[]> {
  const rows = await scene.database.sql<{ holder: string }>`SELECT holder FROM lane WHERE lease_until > now()`;
  return rows.map(({ holder }) => holder);
}

async function credits() {
  const [row] = await scene.database.sql<{ count: bigint; total: bigint }>`
    SELECT count(*) AS count, coalesce(sum(transfer.amount), 0) AS total
    FROM journal JOIN transfer ON transfer.journal_id = journal.id WHERE journal.scope = 'effect'`;
  return row;
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRpcGate, faultOn } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { killFacilitatorProcesses, type FacilitatorProcess } from '../crash/facilitator-process.js';
import { eventually } from '../support/eventually.js';
import { metricOf } from '../support/metrics.js';
import { evmRequest, settle } from '../support/wire.js';
import { createFleetScene, type FleetScene } from './fleet-scene.js';

let scene: FleetScene;
let folder: string;

beforeAll(async () => {
  scene = await createFleetScene({ lanes: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tollkeeper-paused-'));
});
afterAll(async () => {
  await killFacilitatorProcesses();
  await scene.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a process that sleeps through its lease and wakes up in the middle of signing cannot write', async () => {
  // Both are there before one of them sleeps, so that it sleeps for little more than its lease of the lane.
  const seats = await Promise.all([1, 2].map(takeSeat));
  const [{ process: sleeper, proxy, logFile }, { process: other }] = await holderFirst(seats);
  const before = await lane();
  const gate = createRpcGate();
  // Asked for before the first transaction of a process is signed.
  proxy.use(faultOn('eth_estimateGas', { kind: 'hold', gate }));
  const request = await evmRequest({ payTo: scene.payTo });
  const answer = settle(sleeper.url, request);
  await eventually(() => expect(gate.waiting()).toBe(1));
  sleeper.kill('SIGSTOP');
  // It finds this when it wakes up, and goes on to sign before it can see what time it is.
  gate.open();

  await eventually(async () => expect((await lane()).holder).not.toBe(before.holder));
  const taken = await lane();
  expect(taken.token).toBeGreaterThan(before.token);
  const second = await evmRequest({ payTo: scene.payTo });
  expect((await settle(other.url, second)).body).toMatchObject({ success: true });
  await scene.database.transaction(async (sql) => {
    // It tells that it lives before it looks for its lanes, so that it cannot see that it has lost this one.
    await sql`SELECT FROM settler WHERE process_id = ${before.holder}::uuid FOR UPDATE`;
    sleeper.kill('SIGCONT');
    // It goes on to sign, and is refused.
    await eventually(async () => {
      expect(await readFile(logFile, 'utf8')).toContain('the lane went to another process');
    });
  });
  // Its caller is served all the same, through the process that has the lane now.
  expect((await answer).body).toMatchObject({ success: true });
  expect((await settle(other.url, request)).body).toMatchObject({ errorReason: 'duplicate_settlement' });
  expect(await scene.transfers()).toHaveLength(2);
  // Once both are awake, either may have the lane.
  const last = await lane();
  expect(last.next).toBe(2n);
  expect(last.token).toBeGreaterThanOrEqual(taken.token);
  expect(await scene.problems()).toEqual([]);
});

async function takeSeat(number: number) {
  const proxy = await scene.startProxy();
  const logFile = join(folder, `${number}.log`);
  // Neither the caller nor the client of the node has lost its patience when the sleeper wakes up.
  const patience = { SETTLE_WAIT_MS: '60000', RPC_TIMEOUT_MS: '60000' };
  // A proxy closes a connection that is idle for five seconds. Who finds that out when it wakes up goes on with the other node.
  const urls = { EVM_RPC_URL: `${proxy.url},${scene.evm.url}` };
  const process = await scene.startProcess({ ...patience, ...urls }, logFile);
  return { proxy, logFile, process };
}

/** Waits until the lane is with the process that keeps it while both live, and puts that one first. */
async function holderFirst<Seat extends { readonly process: FacilitatorProcess }>(
  seats: readonly Seat[],
): Promise<readonly [Seat, Seat]> {
  return eventually(async () => {
    const settlers = await scene.database.sql<{ holds: boolean }>`
      SELECT process_id IN (SELECT holder FROM lane) AS holds FROM settler WHERE seen_until > now() ORDER BY process_id`;
    expect(settlers.map(({ holds }) => holds)).toEqual([true, false]);
    const held = await Promise.all(seats.map(({ process }) => lanesHeldBy(process)));
    expect(held.toSorted()).toEqual([0, 1]);
    const [first, second] = seats.toSorted(
      (one, other) => Number(held[seats.indexOf(other)]) - Number(held[seats.indexOf(one)]),
    );
    return first === undefined || second === undefined ? expect.fail('there are two') : [first, second];
  });
}

const lanesHeldBy = ({ url }: FacilitatorProcess) => metricOf(url, 'tollkeeper_lanes_held');

async function lane() {
  const [row] = await scene.database.sql<{ holder: string; token: bigint; next: bigint }>`
    SELECT holder, fencing_token AS token, next_account_nonce AS next FROM lane`;
  return row ?? expect.fail('there is no lane');
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRpcGate, faultOn } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { killFacilitatorProcesses } from '../crash/facilitator-process.js';
import { eventually } from '../support/eventually.js';
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

test(
  'a process that sleeps through its lease and wakes up in the middle of signing cannot write',
  { timeout: 120_000 },
  async () => {
    const proxy = await scene.startProxy();
    const logFile = join(folder, 'sleeper.log');
    const sleeper = await scene.startProcess({ EVM_RPC_URL: proxy.url }, logFile);
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

    const other = await scene.startProcess();
    await eventually(async () => expect((await lane()).holder).not.toBe(before.holder));
    const taken = await lane();
    expect(taken.token).toBeGreaterThan(before.token);
    const second = await evmRequest({ payTo: scene.payTo });
    expect((await settle(other.url, second)).body).toMatchObject({ success: true });
    sleeper.kill('SIGCONT');

    // It goes on to sign, and is refused.
    await eventually(async () => expect(await readFile(logFile, 'utf8')).toContain('the lane went to another process'));
    // Its caller is served all the same, through the process that has the lane now.
    expect((await answer).body).toMatchObject({ success: true });
    expect((await settle(other.url, request)).body).toMatchObject({ errorReason: 'duplicate_settlement' });
    expect(await scene.transfers()).toHaveLength(2);
    // Once both are awake, either may have the lane.
    const last = await lane();
    expect(last.next).toBe(2n);
    expect(last.token).toBeGreaterThanOrEqual(taken.token);
    expect(await scene.problems()).toEqual([]);
  },
);

async function lane() {
  const [row] = await scene.database.sql<{ holder: string; token: bigint; next: bigint }>`
    SELECT holder, fencing_token AS token, next_account_nonce AS next FROM lane`;
  return row ?? expect.fail('there is no lane');
}

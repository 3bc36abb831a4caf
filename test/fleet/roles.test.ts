import { createRpcGate, faultOn, sandboxKeys, type RpcProxy } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { killFacilitatorProcesses, type FacilitatorProcess } from '../crash/facilitator-process.js';
import { callSettle } from '../support/caller.js';
import { eventually } from '../support/eventually.js';
import { createPayer, meddle, moveAway } from '../support/payer.js';
import { evmRequest, settle, verify } from '../support/wire.js';
import { createFleetScene, type FleetScene } from './fleet-scene.js';

let scene: FleetScene;
let api: FacilitatorProcess;
let settler: FacilitatorProcess;
let settlerRpc: RpcProxy;

beforeAll(async () => {
  scene = await createFleetScene({ lanes: 2 });
  settlerRpc = await scene.startProxy();
  // Its callers wait until a dead settler's leases have ended and another one has started, on a busy machine too.
  const keyless = {
    ROLE: 'api',
    SETTLE_WAIT_MS: '60000',
    EVM_PRIVATE_KEY: '',
    EVM_SIGNER_ADDRESS: scene.signers.join(','),
  };
  [api, settler] = await Promise.all([scene.startProcess(keyless), startSettler()]);
});
afterAll(async () => {
  await killFacilitatorProcesses();
  await scene.stop();
});
afterEach(async () => {
  settlerRpc.reset();
  await eventually(async () => expect(await scene.problems()).toEqual([]));
});

function startSettler(): Promise<FacilitatorProcess> {
  return scene.startProcess({ ROLE: 'settler', EVM_RPC_URL: settlerRpc.url });
}

test('a process without keys tells who signs, and takes payments that the settler signs within 250 ms', async () => {
  const supported = (await (await fetch(`${api.url}/supported`)).json()) as { signers: Record<string, string[]> };
  expect(Object.values(supported.signers).flat()).toEqual(scene.signers);
  const verifyMs: number[] = [];
  for (let count = 0; count < 9; count += 1) {
    const request = await evmRequest({ payTo: scene.payTo });
    const askedAtMs = performance.now();
    expect((await verify(api.url, request)).body).toMatchObject({ isValid: true });
    verifyMs.push(performance.now() - askedAtMs);
    expect((await settle(api.url, request)).body).toMatchObject({ success: true });
  }
  const [row] = await scene.database.sql<{ median: number }>`
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM submitted_at - claimed_at) * 1000)::float8 AS median
    FROM payment WHERE state = 'settled'`;
  // The pick-up and the signature together, where a verify takes no more than 25 ms; a machine that is slower may take longer.
  const slowness = Math.max(1, (verifyMs.toSorted((one, other) => one - other)[4] ?? 0) / 25);
  expect(row?.median).toBeLessThan(250 * slowness);
});

test('what the settler refuses reaches the caller, and leaves nothing', async () => {
  const payer = await createPayer(scene.evm, { payTo: scene.payTo });
  expect((await verify(api.url, payer.request)).body).toMatchObject({ isValid: true });
  await meddle(scene.evm, moveAway(payer, sandboxKeys.evm.stranger.address));
  await eventually(async () => expect((await verify(api.url, payer.request)).body).toMatchObject({ isValid: false }));
  expect((await settle(api.url, payer.request)).body).toMatchObject({
    success: false,
    errorReason: 'invalid_exact_evm_insufficient_balance',
    transaction: '',
  });
  expect(await scene.database.sql`SELECT FROM payment WHERE payer = ${payer.address}`).toEqual([]);
});

test('a caller that gives up takes along what the settler has not signed yet', async () => {
  const payer = await createPayer(scene.evm, { payTo: scene.payTo });
  const gate = createRpcGate();
  settlerRpc.use(faultOn('eth_call', { kind: 'hold', gate }));
  const caller = await callSettle(api.url, payer.request);
  await eventually(() => expect(gate.waiting()).toBeGreaterThan(0));
  caller.hangUp();
  const claims = () => scene.database.sql`SELECT FROM payment WHERE payer = ${payer.address}`;
  await eventually(async () => expect(await claims()).toEqual([]));
  gate.open();
  settlerRpc.reset();
  expect((await settle(api.url, payer.request)).body).toMatchObject({ success: true });
});

test('a settler that dies in the middle leaves its payments to the next one', async () => {
  const before = (await scene.transfers()).length;
  const requests = [await evmRequest({ payTo: scene.payTo }), await evmRequest({ payTo: scene.payTo })];
  let killed = false;
  settlerRpc.use(({ method }) => {
    if (method !== 'eth_sendRawTransaction') return undefined;
    if (!killed) settler.kill('SIGKILL');
    killed = true;
    return { kind: 'drop' };
  });
  const answers = requests.map((request) => settle(api.url, request));
  await settler.exited;
  settlerRpc.reset();
  settler = await startSettler();
  for (const [index, answer] of answers.entries()) {
    const { status, body } = await answer;
    // The claim of what was not signed runs out with the caller's patience.
    if (status === 503) expect((await settle(api.url, requests[index])).body).toMatchObject({ success: true });
    else expect(body).toMatchObject({ success: true });
  }
  expect(await scene.transfers()).toHaveLength(before + 2);
});

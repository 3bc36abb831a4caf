import { setTimeout as sleep } from 'node:timers/promises';
import { composeService, createLogger } from '@tollkeeper/facilitator';
import { solanaDevnet } from '@tollkeeper/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { evmNetwork, startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { families, freshRequest, settle, verify, type Family } from '../support/wire.js';

const logged: string[] = [];
/** What the operator is told. */
const otherChain = 'a network that was away at the start is another chain and is not served';
const unavailable = { status: 503, body: { code: 'CHAIN_RPC_UNAVAILABLE' } };

let facilitator: TestFacilitator;

beforeAll(async () => {
  const log = { write: (line: string) => logged.push(line) } as unknown as NodeJS.WritableStream;
  facilitator = await startTestFacilitator({ log, env: () => ({ RPC_TIMEOUT_MS: '1000' }) });
});
afterAll(async () => {
  expect(await facilitator.bookProblems()).toEqual([]);
  await facilitator.stop();
});

test.each(families)(
  'a process that starts while no node of %s answers serves the other network, and this one when its node is back',
  async (family) => {
    const other = family === 'EVM' ? 'Solana' : 'EVM';
    const isBack = rpcOf(family).use(() => ({ kind: 'drop' }));
    await facilitator.restart();
    expect((await settle(facilitator.url(), await freshRequest(facilitator, other))).body.success).toBe(true);
    const request = await freshRequest(facilitator, family);
    expect(await verify(facilitator.url(), request)).toMatchObject(unavailable);
    expect(await settle(facilitator.url(), request)).toMatchObject(unavailable);
    const { status, failing } = await readiness();
    expect(status).toBe(200);
    expect(failing).toContain(rpcCheckOf(family));

    const before = await tracesOf(facilitator, family);
    isBack();
    await eventually(async () => expect((await readiness()).failing).toEqual([]));
    expect((await settle(facilitator.url(), request)).body.success).toBe(true);
    expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
  },
);

test('a node that answers no question after the first ones keeps a starting process from no other network', async () => {
  let balances = 0;
  const isBack = facilitator.evmRpc.use(({ method }) => {
    if (method === 'eth_getBalance') balances += 1;
    return method === 'eth_getTransactionCount' ? { kind: 'drop' } : undefined;
  });
  await facilitator.restart();
  expect(balances).toBeGreaterThan(0);
  expect((await settle(facilitator.url(), await freshRequest(facilitator, 'Solana'))).body.success).toBe(true);
  // It has no share of the lanes before it can open them.
  expect(
    await facilitator.database.database.sql`SELECT FROM settler WHERE network = ${evmNetwork} AND seen_until > now()`,
  ).toEqual([]);
  isBack();
  await eventually(async () => {
    expect((await settle(facilitator.url(), await freshRequest(facilitator, 'EVM'))).body.success).toBe(true);
  });
});

test('another chain behind the address of a network that was away at the start is never served', async () => {
  const { evmRpc } = facilitator;
  const isBack = evmRpc.use(() => ({ kind: 'drop' }));
  await facilitator.restart();
  const asked = new Set<string>();
  const isItself = evmRpc.use(({ method, params }) => {
    asked.add(`${method} ${JSON.stringify(params)}`);
    const change = (block: unknown) => ({ ...(block as object), hash: `0x${'5e'.repeat(32)}` });
    return method === 'eth_getBlockByNumber' ? { kind: 'alter', change } : undefined;
  });
  isBack();
  await eventually(() => {
    expect(
      logged.filter((line) => line.includes(otherChain)).map((line) => (JSON.parse(line) as { level: number }).level),
    ).toEqual([50]);
  });
  const request = await freshRequest(facilitator, 'EVM');
  const wrong = { status: 500, body: { code: 'CHAIN_WRONG_NETWORK' } };
  expect(await verify(facilitator.url(), request)).toMatchObject(wrong);
  expect(await settle(facilitator.url(), request)).toMatchObject(wrong);
  const { status, failing, text } = await readiness();
  expect(status).toBe(200);
  expect(failing).toContain(rpcCheckOf('EVM'));
  expect(text).toContain('Endpoint 1 of EVM_RPC_URL serves another network');
  expect((await settle(facilitator.url(), await freshRequest(facilitator, 'Solana'))).body.success).toBe(true);
  expect([...asked].toSorted()).toEqual(['eth_chainId []', 'eth_getBlockByNumber ["0x0",false]']);

  isItself();
  await eventually(async () => expect((await readiness()).failing).toEqual([]));
  expect((await settle(facilitator.url(), request)).body.success).toBe(true);
});

test('a process that has met no node of a network takes no share of its lanes', async () => {
  const { sql } = facilitator.database.database;
  const settlers = async () =>
    (await sql`SELECT FROM settler WHERE network = ${evmNetwork} AND seen_until > now()`).length;
  const isBack = facilitator.evmRpc.use(() => ({ kind: 'drop' }));
  const silent = createLogger({ level: 'silent' });
  const other = await composeService(facilitator.config, silent, { tendMs: 5 });
  await sleep(200);
  expect(await settlers()).toBe(1);
  isBack();
  await eventually(async () => expect(await settlers()).toBe(2));
  await other.close();
});

test('a process does not start while no network has a node', async () => {
  const areBack = families.map((family) => rpcOf(family).use(() => ({ kind: 'drop' })));
  await expect(composeService(facilitator.config, createLogger({ level: 'silent' }))).rejects.toMatchObject(
    unavailable.body,
  );
  for (const isBack of areBack) isBack();
});

function rpcOf(family: Family) {
  return family === 'EVM' ? facilitator.evmRpc : facilitator.svmRpc;
}

function rpcCheckOf(family: Family): string {
  return `rpc ${family === 'EVM' ? evmNetwork : solanaDevnet}`;
}

async function readiness() {
  const response = await fetch(`${facilitator.url()}/ready`);
  const text = await response.text();
  const { checks } = JSON.parse(text) as { checks: { name: string; ok: boolean }[] };
  return { status: response.status, failing: checks.flatMap(({ name, ok }) => (ok ? [] : [name])), text };
}

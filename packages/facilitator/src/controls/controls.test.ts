import { composeService } from '../compose.js';
import { createLogger } from '../logging/logger.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createControlStore, type ControlStore } from './control-store.js';
import type { Control } from './control.js';
import { resumeTime, stopTime } from '../../../../test/support/chain-time.js';
import { eventually } from '../../../../test/support/eventually.js';
import { startTestFacilitator, type TestFacilitator } from '../../../../test/support/test-facilitator.js';
import { families, freshRequest, settle, verify, type Family } from '../../../../test/support/wire.js';
import { evmUsdc, svmUsdc } from '../../../../test/operations/books-scene.js';
import { tamper } from '../../../../test/operations/tamper.js';

let facilitator: TestFacilitator;
let second: { readonly url: string; readonly close: () => Promise<void> };
let controls: ControlStore;

beforeAll(async () => {
  facilitator = await startTestFacilitator();
  const service = await composeService(facilitator.config, createLogger({ level: 'silent' }));
  second = { url: await service.app.listen({ host: '127.0.0.1', port: 0 }), close: () => service.close() };
  controls = createControlStore({ database: facilitator.database.database });
});
afterAll(async () => {
  await second.close();
  await facilitator.stop();
});
afterEach(async () => {
  for (const { control } of await controls.list()) await controls.resume(control, 'test over');
  await everywhere(0);
  await resumeTime(facilitator, 'EVM');
  expect(await facilitator.bookProblems()).toEqual([]);
});

const urls = () => [facilitator.url(), second.url];

interface ReadyAnswer {
  readonly stopped: readonly { readonly kind: string }[];
}

async function ready(url: string): Promise<{ readonly status: number; readonly body: ReadyAnswer }> {
  const response = await fetch(`${url}/ready`);
  return { status: response.status, body: (await response.json()) as ReadyAnswer };
}

/** Waits until both processes know that so much is stopped. */
async function everywhere(count: number): Promise<void> {
  await eventually(async () => {
    for (const url of urls()) expect((await ready(url)).body.stopped).toHaveLength(count);
  });
}

async function stop(control: Control): Promise<void> {
  await controls.stop(control, 'a test');
  await everywhere(1);
}

async function paymentRows(): Promise<bigint> {
  const [row] = await facilitator.database.database.sql<{ count: bigint }>`SELECT count(*) AS count FROM payment`;
  return row?.count ?? 0n;
}

async function expectPaused(family: Family): Promise<void> {
  const request = await freshRequest(facilitator, family);
  const before = await paymentRows();
  for (const url of urls()) {
    const paused = { status: 503, body: { code: 'SETTLEMENT_PAUSED', retryable: true } };
    expect(await settle(url, request)).toMatchObject({ ...paused, body: { ...paused.body, success: false } });
    expect(await verify(url, request)).toMatchObject({ ...paused, body: { ...paused.body, isValid: false } });
  }
  expect(await paymentRows()).toBe(before);
}

async function expectSettles(family: Family): Promise<void> {
  const request = await freshRequest(facilitator, family);
  expect(await verify(second.url, request)).toMatchObject({ status: 200, body: { isValid: true } });
  expect(await settle(facilitator.url(), request)).toMatchObject({ status: 200, body: { success: true } });
}

async function merchantId(): Promise<string> {
  const [row] = await facilitator.database.database.sql<{ id: string }>`
    SELECT merchant_id AS id FROM wallet WHERE id = ${facilitator.wallet.id}::uuid`;
  return row?.id ?? expect.fail('no wallet');
}

test('a pause of settlement is effective in every process, before anything is claimed', async () => {
  await stop({ kind: 'settlement' });
  for (const family of families) await expectPaused(family);
  await controls.resume({ kind: 'settlement' }, 'test');
  await everywhere(0);
  for (const family of families) await expectSettles(family);
});

test('the answer of a paused settle says when to ask again, and not why it is paused', async () => {
  await controls.stop({ kind: 'settlement' }, 'a private reason');
  await everywhere(1);
  const response = await fetch(`${facilitator.url()}/settle`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(await freshRequest(facilitator, 'EVM')),
  });
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await response.text()).not.toContain('private');
  for (const path of ['/ready', '/metrics']) {
    expect(await (await fetch(`${facilitator.url()}${path}`)).text()).not.toContain('private');
  }
});

test('where notifications are lost, every process looks for itself', async () => {
  await tamper(
    facilitator.database,
    `INSERT INTO control (kind, reason, set_by) VALUES ('settlement', 'silent', 'operator')`,
  );
  await everywhere(1);
});

describe('what is paused is', () => {
  test('one asset and no other', async () => {
    await stop({ kind: 'asset', asset: evmUsdc });
    await expectPaused('EVM');
    await expectSettles('Solana');
  });

  test('one merchant on every network, and no other', async () => {
    await stop({ kind: 'merchant', merchantId: await merchantId() });
    for (const family of families) await expectPaused(family);
    const request = await freshRequest({ ...facilitator, wallet: otherAddresses }, 'EVM');
    expect(await settle(facilitator.url(), request)).toMatchObject({ status: 200, body: { success: true } });
  });

  test('no payment, where only outflows are frozen', async () => {
    await stop({ kind: 'outflows', asset: svmUsdc });
    await expectSettles('Solana');
  });
});

test('what was signed before the pause is finished, and its callers get their answer', async () => {
  await facilitator.restart();
  const request = await freshRequest(facilitator, 'EVM');
  await stopTime(facilitator, 'EVM');
  const caller = settle(facilitator.url(), request);
  await eventually(async () => {
    const rows = await facilitator.database.database.sql`SELECT 1 FROM payment WHERE state = 'submitted'`;
    expect(rows).toHaveLength(1);
  });
  await stop({ kind: 'settlement' });
  await expectPaused('Solana');
  await resumeTime(facilitator, 'EVM');
  expect(await caller).toMatchObject({ status: 200, body: { success: true } });
  expect(await settle(second.url, request)).toMatchObject({
    status: 200,
    body: { success: false, errorReason: 'duplicate_settlement' },
  });
});

test('/ready and the metrics show what is stopped, without naming a merchant', async () => {
  await controls.stop({ kind: 'merchant', merchantId: await merchantId() }, 'a test');
  await controls.stop({ kind: 'outflows', asset: evmUsdc }, 'a test');
  await everywhere(2);
  const { status, body } = await ready(second.url);
  expect({ status, stopped: body.stopped }).toEqual({
    status: 200,
    stopped: [
      { kind: 'outflows', network: evmUsdc.network, asset: evmUsdc.token, count: 1 },
      { kind: 'merchant', count: 1 },
    ],
  });
  const metrics = await (await fetch(`${second.url}/metrics`)).text();
  expect(metrics).toContain('tollkeeper_stopped{kind="merchant",network="",asset=""} 1');
  expect(metrics).toContain(
    `tollkeeper_stopped{kind="outflows",network="${evmUsdc.network}",asset="${evmUsdc.token}"} 1`,
  );
  expect(JSON.stringify(body) + metrics).not.toContain(await merchantId());
});

test('every change is audited, in the chain of the merchant that it concerns', async () => {
  const id = await merchantId();
  expect(await controls.stop({ kind: 'merchant', merchantId: id }, 'fraud')).toBe(true);
  expect(await controls.stop({ kind: 'merchant', merchantId: id }, 'again')).toBe(false);
  expect(await controls.resume({ kind: 'merchant', merchantId: id }, 'cleared')).toBe(true);
  expect(await controls.resume({ kind: 'merchant', merchantId: id }, 'again')).toBe(false);
  const entries = await facilitator.database.database.sql<{ action: string; before: unknown; after: unknown }>`
    SELECT action, before, after FROM audit_entry
    WHERE merchant_id = ${id}::uuid AND subject = ${`merchant ${id}`} ORDER BY sequence DESC LIMIT 2`;
  expect(entries).toMatchObject([
    { action: 'control.resume', before: { reason: 'fraud' }, after: { reason: 'cleared' } },
    { action: 'control.stop', before: null, after: { reason: 'fraud', setBy: 'operator' } },
  ]);
});

/** Addresses of nobody that we know; development settles to them. */
const otherAddresses = {
  id: '',
  evm: '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc',
  svm: '',
};

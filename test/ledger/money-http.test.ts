import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { tamper } from '../operations/tamper.js';
import { eventually } from '../support/eventually.js';
import type { TestTenant } from '../tenants/support/tenant-service.js';
import { asset, startHttpScene, told, type HttpScene } from './http-scene.js';

let scene: HttpScene;
let tenant: TestTenant;
let alice: string;
let bob: string;

beforeAll(async () => {
  scene = await startHttpScene();
});
afterAll(() => scene.service.stop());
beforeEach(async () => {
  tenant = await scene.service.createTenant();
  [alice, bob] = await Promise.all([scene.wallet(tenant, 1000n), scene.wallet(tenant, 0n)]);
});
afterEach(async () => {
  expect(await scene.problems()).toEqual([]);
});

const money = (amount = '400') => ({ ...asset, amount });
const send = (body: Record<string, unknown>, by = tenant) =>
  scene.post(by, '/v1/transfers', { senderWalletId: alice, ...money(), ...body });
const available = async () => [await scene.available(alice), await scene.available(bob)];
const idOf = (answer: { readonly body: Record<string, unknown> }) => String(answer.body['id']);

describe('a transfer', () => {
  test('in one step arrives at once', async () => {
    const sent = await send({ receiverWalletId: bob, reference: 'rent' });
    expect(sent).toMatchObject({
      status: 201,
      body: { state: 'completed', senderWalletId: alice, receiverWalletId: bob, amount: '400', reference: 'rent' },
    });
    expect(await available()).toEqual([600n, 400n]);
    const shown = await scene.get(tenant, `/v1/transfers/${idOf(sent)}`);
    expect({ ...shown.body, claimToken: null }).toEqual(sent.body);
  });

  test('is claimed by the wallet that it names', async () => {
    const created = await send({ receiverWalletId: bob, mode: 'claim' });
    expect(created).toMatchObject({ status: 201, body: { state: 'pending', claimToken: null } });
    expect(await available()).toEqual([600n, 0n]);
    const claimed = await scene.post(tenant, `/v1/transfers/${idOf(created)}/claim`, { walletId: bob.toUpperCase() });
    expect(claimed).toMatchObject({ status: 200, body: { state: 'completed', receiverWalletId: bob } });
    expect(await available()).toEqual([600n, 400n]);
  });

  test('is cancelled by its sender', async () => {
    const created = await send({ receiverWalletId: bob, mode: 'claim' });
    const cancelled = await scene.post(tenant, `/v1/transfers/${idOf(created)}/cancel`);
    expect(told(cancelled)).toBe('200 cancelled');
    expect(await available()).toEqual([1000n, 0n]);
  });

  test('goes back by itself when it expires, 24 hours later unless stated', async () => {
    const usual = await send({ mode: 'claim', amount: '1' });
    const { createdAt, expiresAt } = usual.body as { createdAt: string; expiresAt: string };
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(86_400_000);
    const short = await send({ receiverWalletId: bob, mode: 'claim', expiresInSeconds: 1 });
    await eventually(async () => expect(await available()).toEqual([999n, 0n]));
    expect(told(await scene.get(tenant, `/v1/transfers/${idOf(short)}`))).toBe('200 expired');
    expect(told(await scene.post(tenant, `/v1/transfers/${idOf(short)}/claim`, { walletId: bob }))).toBe(
      '409 TRANSFER_EXPIRED',
    );
  });

  test('goes to another merchant by its token, and neither sees the other’s wallet', async () => {
    const other = await scene.service.createTenant();
    const [theirs, created] = [await scene.wallet(other, 0n), await send({ mode: 'claim' })];
    const path = `/v1/transfers/${idOf(created)}`;
    const claimToken = String(created.body['claimToken']);
    expect(told(await scene.get(other, path))).toBe('404 TRANSFER_NOT_FOUND');
    expect(told(await scene.post(other, `${path}/claim`, { walletId: theirs }))).toBe('404 TRANSFER_NOT_FOUND');
    const claimed = await scene.post(other, `${path}/claim`, { walletId: theirs, claimToken });
    expect(claimed).toMatchObject({ status: 200, body: { senderWalletId: null, receiverWalletId: theirs } });
    expect((await scene.get(tenant, path)).body).toMatchObject({ senderWalletId: alice, receiverWalletId: null });
    expect((await scene.get(other, path)).body).toEqual(claimed.body);
    expect(told(await scene.post(other, `${path}/cancel`))).toBe('404 TRANSFER_NOT_FOUND');
    expect([await scene.available(alice), await scene.available(theirs)]).toEqual([600n, 400n]);
  });
});

describe('a hold', () => {
  const place = (body: Record<string, unknown> = {}) =>
    scene.post(tenant, '/v1/holds', { walletId: alice, ...money(), ...body });

  test('is captured in part, and the rest is free', async () => {
    const placed = await place({ reference: 'job 7', expiresInSeconds: 60 });
    expect(placed).toMatchObject({ status: 201, body: { state: 'open', walletId: alice, captured: '0' } });
    expect(await available()).toEqual([600n, 0n]);
    const path = `/v1/holds/${idOf(placed)}`;
    const captured = await scene.post(tenant, `${path}/capture`, { receiverWalletId: bob, amount: '150' });
    expect(captured).toMatchObject({ status: 200, body: { state: 'captured', captured: '150' } });
    expect(await available()).toEqual([850n, 150n]);
    expect((await scene.get(tenant, path)).body).toEqual(captured.body);
    expect(told(await scene.post(tenant, `${path}/void`))).toBe('409 HOLD_NOT_OPEN');
  });

  test('is captured whole, voided, or over by itself', async () => {
    const [whole, voided] = [await place({ amount: '100' }), await place({ amount: '200' })];
    const over = await place({ amount: '700', expiresInSeconds: 3_600 });
    expect(await scene.available(alice)).toBe(0n);
    await scene.post(tenant, `/v1/holds/${idOf(whole)}/capture`, { receiverWalletId: bob });
    expect(told(await scene.post(tenant, `/v1/holds/${idOf(voided)}/void`))).toBe('200 voided');
    await tamper(scene.service.database, `UPDATE hold SET expires_at = now() WHERE id = '${idOf(over)}'`);
    await eventually(async () => expect(await available()).toEqual([900n, 100n]));
    expect(told(await scene.get(tenant, `/v1/holds/${idOf(over)}`))).toBe('200 expired');
    expect(told(await scene.post(tenant, `/v1/holds/${idOf(over)}/capture`, { receiverWalletId: bob }))).toBe(
      '409 HOLD_EXPIRED',
    );
  });
});

test('a charge moves money at once and is refunded in parts, never beyond it', async () => {
  const charged = await scene.post(tenant, '/v1/charges', { payerWalletId: alice, payeeWalletId: bob, ...money() });
  expect(charged).toMatchObject({ status: 201, body: { amount: '400', refunded: '0' } });
  const path = `/v1/charges/${idOf(charged)}`;
  expect((await scene.post(tenant, `${path}/refund`, { amount: '150' })).body).toMatchObject({ refunded: '150' });
  expect(told(await scene.post(tenant, `${path}/refund`, { amount: '251' }))).toBe('409 REFUND_EXCEEDS_CHARGE');
  expect((await scene.post(tenant, `${path}/refund`, {})).body).toMatchObject({ refunded: '400' });
  expect((await scene.get(tenant, path)).body).toMatchObject({ refunded: '400' });
  expect(await available()).toEqual([1000n, 0n]);
});

test('every operation is noted in the audit, and no claim token is', async () => {
  const created = await send({ mode: 'claim' });
  await scene.post(tenant, `/v1/transfers/${idOf(created)}/cancel`);
  const entries = await scene.get(tenant, '/v1/audit?limit=20');
  expect(entries.text).toContain('transfer.create');
  expect(entries.text).toContain('transfer.cancel');
  expect(entries.text).not.toContain(String(created.body['claimToken']));
  const other = await scene.service.createTenant();
  const [theirs, sent] = [await scene.wallet(other, 0n), await send({ mode: 'claim' })];
  const { claimToken } = sent.body;
  await scene.post(other, `/v1/transfers/${idOf(sent)}/claim`, { walletId: theirs, claimToken });
  const [claim] = (await scene.get(other, '/v1/audit?limit=1')).body['items'] as unknown[];
  expect(claim).toMatchObject({
    action: 'transfer.claim',
    before: { state: 'pending', senderWalletId: null, receiverWalletId: null },
    after: { state: 'completed', senderWalletId: null, receiverWalletId: theirs },
  });
});

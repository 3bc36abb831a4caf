import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { everyPermission, type TestTenant } from '../tenants/support/tenant-service.js';
import { asset, startHttpScene, told, type HttpScene } from './http-scene.js';

let scene: HttpScene;
let tenant: TestTenant;
let stranger: TestTenant;
let alice: string;
let bob: string;
let foreign: string;
let closed: string;
let before: unknown;

beforeAll(async () => {
  scene = await startHttpScene();
  [tenant, stranger] = await Promise.all([scene.service.createTenant(), scene.service.createTenant()]);
  [alice, bob] = await Promise.all([scene.wallet(tenant, 1002n), scene.wallet(tenant, 0n)]);
  foreign = await scene.wallet(stranger, 1000n);
  closed = await scene.wallet(tenant, 0n);
  await scene.service.database.database.sql`UPDATE wallet SET closed_at = now() WHERE id = ${closed}::uuid`;
  // A wallet with a history and a hold, so that what is asked for adds to what the database counts already.
  expect((await transfer({ amount: '1' })).status).toBe(201);
  const hold = { walletId: alice, ...asset, amount: '1' };
  expect((await scene.post(tenant, '/v1/holds', hold)).status).toBe(201);
});
afterAll(() => scene.service.stop());
beforeEach(async () => {
  before = await scene.books();
});
/** Nothing moved, nothing was lost. */
afterEach(async () => {
  expect(await scene.books()).toEqual(before);
  expect(await scene.problems()).toEqual([]);
});

type Change = Readonly<Record<string, unknown>>;

const operations: readonly [string, (change: Change) => ReturnType<HttpScene['post']>][] = [
  ['a transfer', (change) => transfer(change)],
  ['a transfer to be claimed', (change) => transfer({ mode: 'claim', ...change })],
  ['a hold', (change) => scene.post(tenant, '/v1/holds', { walletId: alice, ...asset, amount: '10', ...change })],
  ['a charge', (change) => charge(change)],
];
const transfer = (change: Change) =>
  scene.post(tenant, '/v1/transfers', {
    senderWalletId: alice,
    receiverWalletId: bob,
    ...asset,
    amount: '10',
    ...change,
  });
const charge = (change: Change) =>
  scene.post(tenant, '/v1/charges', { payerWalletId: alice, payeeWalletId: bob, ...asset, amount: '10', ...change });

const wrongAmounts: readonly unknown[] = [
  ...[10, 0, -1, 1.5, 1e21, true, null, [], {}, ['10'], undefined],
  ...['', '0', '-1', '+1', '01', '1.0', '1e4', '0x2710', ' 10', '10 ', '1_000', '1,000', '٣', 'NaN', 'Infinity', '10n'],
  ...['1'.repeat(79), '9'.repeat(78), (2n ** 256n).toString()],
];

describe.each(operations)('%s', (_name, attempt) => {
  test.each(wrongAmounts.map((amount) => [JSON.stringify(amount) as string | undefined, amount]))(
    'of %s is refused',
    async (_text, amount) => {
      expect(told(await attempt({ amount }))).toBe('400 REQUEST_MALFORMED');
    },
  );

  test.each<[string, string, () => Change]>([
    ['above the balance', '409 BALANCE_INSUFFICIENT', () => ({ amount: '1001' })],
    ['of all that a token can count', '409 BALANCE_INSUFFICIENT', () => ({ amount: (2n ** 256n - 1n).toString() })],
    ['of an unknown token', '400 ASSET_UNKNOWN', () => ({ asset: '0x0000000000000000000000000000000000000001' })],
    ['of an unknown network', '400 ASSET_UNKNOWN', () => ({ network: 'eip155:999999' })],
    ['of a network that is none', '400 ASSET_UNKNOWN', () => ({ network: 'ledger of my uncle' })],
    [
      'of a token of another network',
      '400 ASSET_UNKNOWN',
      () => ({ network: 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1' }),
    ],
    ['of a token with a pattern in it', '400 ASSET_UNKNOWN', () => ({ asset: '0x%' })],
    ['with a field that it does not have', '400 REQUEST_MALFORMED', () => ({ force: true })],
    ['with a reference that is a bell', '400 REQUEST_MALFORMED', () => ({ reference: '\u0007' })],
    ['with a zero byte', '400 REQUEST_MALFORMED', () => ({ reference: 'a\u0000b' })],
  ])('%s is refused', async (_what, refusal, change) => {
    expect(told(await attempt(change()))).toBe(refusal);
  });
});

describe('wallets', () => {
  test.each<[string, string, () => ReturnType<HttpScene['post']>]>([
    ['a transfer to oneself', '400 TRANSFER_TO_ITSELF', () => transfer({ receiverWalletId: alice })],
    [
      'a transfer to oneself in capitals',
      '400 TRANSFER_TO_ITSELF',
      () => transfer({ receiverWalletId: alice.toUpperCase() }),
    ],
    ['a transfer to a closed wallet', '409 WALLET_CLOSED', () => transfer({ receiverWalletId: closed })],
    ['a transfer to a foreign wallet', '404 WALLET_NOT_FOUND', () => transfer({ receiverWalletId: foreign })],
    [
      'a transfer to be claimed by a foreign wallet',
      '404 WALLET_NOT_FOUND',
      () => transfer({ mode: 'claim', receiverWalletId: foreign }),
    ],
    ['a transfer to nobody’s wallet', '404 WALLET_NOT_FOUND', () => transfer({ receiverWalletId: randomUUID() })],
    ['a transfer from a foreign wallet', '404 WALLET_NOT_FOUND', () => transfer({ senderWalletId: foreign })],
    ['a direct transfer to nobody', '400 REQUEST_MALFORMED', () => transfer({ receiverWalletId: undefined })],
    ['a direct transfer that expires', '400 REQUEST_MALFORMED', () => transfer({ expiresInSeconds: 60 })],
    ['a charge of a foreign wallet', '404 WALLET_NOT_FOUND', () => charge({ payerWalletId: foreign })],
    ['a charge for a foreign wallet', '404 WALLET_NOT_FOUND', () => charge({ payeeWalletId: foreign })],
    ['a charge for a closed wallet', '409 WALLET_CLOSED', () => charge({ payeeWalletId: closed })],
    ['a charge of oneself', '400 TRANSFER_TO_ITSELF', () => charge({ payeeWalletId: alice })],
    ['a hold that ends before it begins', '400 REQUEST_MALFORMED', () => hold({ expiresInSeconds: 0 })],
    ['a hold of a wallet that is no id', '400 REQUEST_MALFORMED', () => hold({ walletId: '7' })],
    ['a hold of a foreign wallet', '404 WALLET_NOT_FOUND', () => hold({ walletId: foreign })],
  ])('%s is refused', async (_what, refusal, attempt) => {
    expect(told(await attempt())).toBe(refusal);
  });
  const hold = (change: Change) =>
    scene.post(tenant, '/v1/holds', { walletId: alice, ...asset, amount: '10', ...change });
});

describe('what was made before', () => {
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    const make = async (path: string, body: Change, by = tenant) => {
      const answer = await scene.post(by, path, body);
      expect(answer.status, answer.text).toBe(201);
      return answer.body;
    };
    const money = { ...asset, amount: '10' };
    const named = await make('/v1/transfers', {
      senderWalletId: alice,
      receiverWalletId: bob,
      ...money,
      mode: 'claim',
    });
    const open = await make('/v1/transfers', { senderWalletId: alice, ...money, mode: 'claim' });
    const done = await make('/v1/transfers', { senderWalletId: alice, ...money, mode: 'claim' });
    const claim = { walletId: bob, claimToken: done['claimToken'] };
    await scene.post(tenant, `/v1/transfers/${String(done['id'])}/claim`, claim);
    const hold = await make('/v1/holds', { walletId: alice, ...money });
    const captured = await make('/v1/holds', { walletId: alice, ...money });
    await scene.post(tenant, `/v1/holds/${String(captured['id'])}/capture`, { receiverWalletId: bob });
    const charged = await make('/v1/charges', { payerWalletId: alice, payeeWalletId: bob, ...money });
    for (const [name, thing] of Object.entries({ named, open, done, hold, captured, charged }))
      ids[name] = String(thing['id']);
    ids['token'] = String(open['claimToken']);
    ids['used'] = String(done['claimToken']);
  });
  const claim = (name: string, body: Change, by = tenant) =>
    scene.post(by, `/v1/transfers/${ids[name] ?? name}/claim`, body);
  const capture = (name: string, body: Change, by = tenant) =>
    scene.post(by, `/v1/holds/${ids[name] ?? name}/capture`, { receiverWalletId: bob, ...body });
  const refund = (name: string, body: Change, by = tenant) =>
    scene.post(by, `/v1/charges/${ids[name] ?? name}/refund`, body);

  test.each<[string, string, () => ReturnType<HttpScene['post']>]>([
    [
      'a claim that was used',
      '409 TRANSFER_NOT_PENDING',
      () => claim('done', { walletId: bob, claimToken: ids['used'] }),
    ],
    [
      'a claim with another transfer’s token',
      '404 TRANSFER_NOT_FOUND',
      () => claim('open', { walletId: bob, claimToken: ids['used'] }),
    ],
    ['a claim without a token', '404 TRANSFER_NOT_FOUND', () => claim('open', { walletId: bob })],
    [
      'a claim with a token of another kind',
      '400 REQUEST_MALFORMED',
      () => claim('open', { walletId: bob, claimToken: 7 }),
    ],
    [
      'a claim for a foreign wallet',
      '404 WALLET_NOT_FOUND',
      () => claim('open', { walletId: foreign, claimToken: ids['token'] }),
    ],
    [
      'a claim for a closed wallet',
      '409 WALLET_CLOSED',
      () => claim('open', { walletId: closed, claimToken: ids['token'] }),
    ],
    [
      'a claim for the sender',
      '400 TRANSFER_TO_ITSELF',
      () => claim('open', { walletId: alice, claimToken: ids['token'] }),
    ],
    ['a claim of what is another’s', '404 TRANSFER_NOT_FOUND', () => claim('named', { walletId: foreign }, stranger)],
    ['a claim of nothing', '404 TRANSFER_NOT_FOUND', () => claim(randomUUID(), { walletId: bob })],
    [
      'a cancellation by a stranger',
      '404 TRANSFER_NOT_FOUND',
      () => scene.post(stranger, `/v1/transfers/${ids['named'] ?? ''}/cancel`),
    ],
    [
      'a cancellation of what was claimed',
      '409 TRANSFER_NOT_PENDING',
      () => scene.post(tenant, `/v1/transfers/${ids['done'] ?? ''}/cancel`),
    ],
    ['a capture above the hold', '409 HOLD_EXCEEDED', () => capture('hold', { amount: '11' })],
    ['a capture of nothing', '400 REQUEST_MALFORMED', () => capture('hold', { amount: '0' })],
    ['a capture for the same wallet', '400 TRANSFER_TO_ITSELF', () => capture('hold', { receiverWalletId: alice })],
    ['a capture for a foreign wallet', '404 WALLET_NOT_FOUND', () => capture('hold', { receiverWalletId: foreign })],
    ['a second capture', '409 HOLD_NOT_OPEN', () => capture('captured', {})],
    ['a capture by a stranger', '404 HOLD_NOT_FOUND', () => capture('hold', { receiverWalletId: foreign }, stranger)],
    ['a void by a stranger', '404 HOLD_NOT_FOUND', () => scene.post(stranger, `/v1/holds/${ids['hold'] ?? ''}/void`)],
    ['a refund above the charge', '409 REFUND_EXCEEDS_CHARGE', () => refund('charged', { amount: '11' })],
    ['a refund by a stranger', '404 CHARGE_NOT_FOUND', () => refund('charged', {}, stranger)],
    ['a refund of nothing', '404 CHARGE_NOT_FOUND', () => refund(randomUUID(), {})],
  ])('%s is refused', async (_what, refusal, attempt) => {
    expect(told(await attempt())).toBe(refusal);
  });
});

describe('keys', () => {
  const body = () => ({ senderWalletId: alice, receiverWalletId: bob, ...asset, amount: '10' });
  const withKey = (key: string) =>
    scene.service.call('POST', '/v1/transfers', { key, headers: { 'idempotency-key': randomUUID() }, body: body() });

  test('that only read move nothing', async () => {
    const key = await scene.service.tenants.createKey({
      merchant: tenant.name,
      name: 'reader',
      permissions: everyPermission.filter((permission) => permission !== 'write'),
      expiresAt: null,
    });
    before = await scene.books();
    expect(told(await withKey(key.secret))).toBe('403 PERMISSION_DENIED');
  });

  test.each<[string, () => string]>([
    ['truncated', () => tenant.secret.slice(0, -1)],
    ['too long', () => `${tenant.secret}A`],
    ['empty', () => ''],
    ['of nobody', () => `sk_test_${'A'.repeat(43)}`],
  ])('that are %s move nothing', async (_what, key) => {
    expect((await withKey(key())).status).toBe(401);
  });

  test('of another tenant move nothing', async () => {
    expect(told(await withKey(stranger.secret))).toBe('404 WALLET_NOT_FOUND');
  });

  test('without an Idempotency-Key move nothing', async () => {
    const answer = await scene.service.call('POST', '/v1/transfers', { key: tenant.secret, body: body() });
    expect(told(answer)).toBe('400 IDEMPOTENCY_KEY_REQUIRED');
  });
});

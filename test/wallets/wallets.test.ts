import { faultOn } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blocksToFinality, eager, slowlyFinal } from '../finality/finality-scene.js';
import { eventually } from '../support/eventually.js';
import { devnetUsdc, evmNetwork } from '../support/test-facilitator.js';
import { evmRequest, settle, svmRequest, verify } from '../support/wire.js';
import { startMerchantScene, type MerchantScene, type TestMerchant, type TestWallet } from './merchant-scene.js';

const money = { network: evmNetwork, asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e', amount: '10000' };

let scene: MerchantScene;
let acme: TestMerchant;

beforeAll(async () => {
  scene = await startMerchantScene({ evm: slowlyFinal, overrides: eager });
  acme = await scene.merchant('acme');
});
afterAll(() => scene.stop());

const sql = () => scene.facilitator.database.database.sql;

async function rentOf(address: string): Promise<bigint | undefined> {
  const [row] = await sql()<{ held: bigint }>`
    SELECT debit - credit AS held FROM account JOIN balance ON account_id = account.id
    WHERE kind = 'rent' AND owner = ${address}`;
  return row?.held;
}

test('a wallet receives on both chains, and the rent of its token account is in the books', async () => {
  const wallet = await acme.wallet('main');
  expect((await settle(scene.facilitator.url(), await evmRequest({ payTo: wallet.evm }))).body.success).toBe(true);
  const paid = await settle(scene.facilitator.url(), await svmRequest(scene.facilitator.svm, { payTo: wallet.svm }));
  expect(paid.body).toMatchObject({ success: true });
  expect(scene.facilitator.svm.tokenBalance({ mint: devnetUsdc, owner: wallet.svm })).toBe(10_000n);
  // What the Solana runtime asks for 165 bytes.
  expect(await rentOf(wallet.svm)).toBe(2_039_280n);
  expect(await scene.facilitator.bookProblems()).toEqual([]);
});

test('a creation that crashed between the database and the chain is finished by the next process, and booked once', async () => {
  const chainIsBack = scene.facilitator.svmRpc.use(faultOn('sendTransaction', { kind: 'drop' }));
  const created = await acme.call('POST', '/v1/wallets', { name: 'interrupted' });
  expect(created.status).toBe(201);
  const address = (created.body['addresses'] as { network: string; address: string; ready: boolean }[])[1];
  expect(address).toMatchObject({ ready: false });
  await sql()`UPDATE deposit_account SET busy_until = NULL WHERE ready_at IS NULL`;
  await scene.facilitator.restart(eager);
  chainIsBack();
  await eventually(async () => {
    // Whoever was interrupted holds it for a while; nobody waits for that here.
    await sql()`UPDATE deposit_account SET busy_until = NULL WHERE ready_at IS NULL`;
    const { body } = await acme.call('GET', `/v1/wallets/${String(created.body['id'])}`);
    expect((body['addresses'] as { ready: boolean }[]).every(({ ready }) => ready)).toBe(true);
  });
  expect(await rentOf(address?.address ?? '')).toBe(2_039_280n);
  const journals =
    await sql()`SELECT FROM journal WHERE scope = 'rent' AND idempotency_key LIKE ${`%${address?.address ?? ''}%`}`;
  expect(journals).toHaveLength(1);
});

test('wallets that are made at the same time stay within the quota', async () => {
  const many = await scene.merchant('many');
  await sql()`UPDATE merchant SET wallet_quota = 3 WHERE id = ${many.id}::uuid`;
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) => many.call('POST', '/v1/wallets', { name: `wallet ${index}` })),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
  const refused = answers.filter(({ status }) => status !== 201);
  expect(refused.every(({ status, body }) => status === 409 && body['code'] === 'WALLET_QUOTA_REACHED')).toBe(true);
  const list = await many.call('GET', '/v1/wallets?limit=2');
  expect(list.body['items']).toHaveLength(2);
  const rest = await many.call('GET', `/v1/wallets?limit=2&cursor=${String(list.body['nextCursor'])}`);
  expect(rest.body).toMatchObject({ nextCursor: null });
  expect(rest.body['items']).toHaveLength(1);
});

test('the same request makes one wallet, and its name is taken after that', async () => {
  const key = { 'idempotency-key': 'once' };
  const first = await acme.call('POST', '/v1/wallets', { name: 'once' }, key);
  const again = await acme.call('POST', '/v1/wallets', { name: 'once' }, key);
  expect(again.text).toBe(first.text);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect((await acme.call('POST', '/v1/wallets', { name: 'once' })).body).toMatchObject({ code: 'WALLET_EXISTS' });
  const other = await scene.merchant('other');
  expect((await other.call('POST', '/v1/wallets', { name: 'once' })).status).toBe(201);
});

test.each([
  {},
  { name: '' },
  { name: ' x' },
  { name: 'a\nb' },
  { name: 7 },
  { name: 'x'.repeat(101) },
  { name: 'x', id: 1 },
])('a wallet is not made of %j', async (body) => {
  expect(await acme.call('POST', '/v1/wallets', body)).toMatchObject({
    status: 400,
    body: { code: 'REQUEST_MALFORMED' },
  });
});

test('a closed wallet takes nothing new and keeps what it has', async () => {
  const [closing, open] = [await acme.wallet('closing'), await acme.wallet('open')];
  await pay(closing);
  const late = await evmRequest({ payTo: closing.evm });
  await scene.facilitator.evm.mine(blocksToFinality);
  await eventually(async () => expect(await available(closing)).toBe('10000'));
  await pay(closing);
  const toClaim = await acme.call('POST', '/v1/transfers', transfer(open, closing, { mode: 'claim' }));
  expect(toClaim.body).toMatchObject({ code: 'BALANCE_INSUFFICIENT' });
  const waiting = await acme.call('POST', '/v1/transfers', transfer(closing, open, { mode: 'claim', amount: '1000' }));
  expect(waiting.status).toBe(201);

  const closed = await acme.call('POST', `/v1/wallets/${closing.id}/close`);
  expect(closed.body['closedAt']).toMatch(/Z$/);
  expect((await acme.call('POST', `/v1/wallets/${closing.id}/close`)).body['closedAt']).toBe(closed.body['closedAt']);

  const refused = { isValid: false, invalidReason: 'pay_to_not_registered' };
  expect((await verify(scene.facilitator.url(), late)).body).toMatchObject(refused);
  expect((await settle(scene.facilitator.url(), late)).body).toMatchObject({ success: false });
  // What was paid before becomes available nevertheless, what was sent comes back, and its owner gets at it.
  await scene.facilitator.evm.mine(blocksToFinality);
  await eventually(async () => expect(await available(closing)).toBe('19000'));
  expect((await acme.call('POST', `/v1/transfers/${String(waiting.body['id'])}/cancel`)).status).toBe(200);
  expect(await available(closing)).toBe('20000');
  const stranger = await scene.merchant('stranger');
  const theirs = await stranger.wallet('theirs');
  const token = await acme.call('POST', '/v1/transfers', { ...transfer(closing, undefined, { mode: 'claim' }) });
  expect(token.body).toMatchObject({ code: 'WALLET_CLOSED' });
  expect((await acme.call('POST', '/v1/transfers', transfer(closing, open, {}))).status).toBe(201);
  const hold = await acme.call('POST', '/v1/holds', { ...money, walletId: open.id });
  const capture = await acme.call('POST', `/v1/holds/${String(hold.body['id'])}/capture`, {
    receiverWalletId: closing.id,
  });
  expect(capture).toMatchObject({ status: 409, body: { code: 'WALLET_CLOSED' } });
  expect((await acme.call('POST', `/v1/holds/${String(hold.body['id'])}/void`)).status).toBe(200);
  const back = await acme.call('POST', '/v1/transfers', transfer(open, closing, {}));
  expect(back).toMatchObject({ status: 409, body: { code: 'WALLET_CLOSED' } });
  const sent = await acme.call('POST', '/v1/transfers', transfer(open, undefined, { mode: 'claim' }));
  const claim = { walletId: closing.id, claimToken: sent.body['claimToken'] };
  expect((await acme.call('POST', `/v1/transfers/${String(sent.body['id'])}/claim`, claim)).body).toMatchObject({
    code: 'WALLET_CLOSED',
  });
  const theirClaim = { walletId: theirs.id, claimToken: sent.body['claimToken'] };
  expect((await stranger.call('POST', `/v1/transfers/${String(sent.body['id'])}/claim`, theirClaim)).status).toBe(200);
  expect(await available(closing)).toBe('10000');
});

async function pay(wallet: TestWallet): Promise<void> {
  const { body } = await settle(scene.facilitator.url(), await evmRequest({ payTo: wallet.evm }));
  if (!body.success) expect.fail(JSON.stringify(body));
}

async function available({ id }: TestWallet): Promise<string | undefined> {
  const { body } = await acme.call('GET', `/v1/wallets/${id}/balances`);
  return (body['items'] as { network: string; available: string }[])[0]?.available;
}

function transfer(from: TestWallet, to: TestWallet | undefined, more: Record<string, string>) {
  return {
    senderWalletId: from.id,
    ...(to === undefined ? {} : { receiverWalletId: to.id }),
    ...money,
    ...more,
  };
}

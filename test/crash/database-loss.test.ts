import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase, type Database } from '@tollkeeper/database';
import { composeService, composeWallets, createLogger } from '@tollkeeper/facilitator';
import { BASE_SEPOLIA_USDC, type EvmChain } from '@tollkeeper/sandbox';
import type { SettleAnswer } from '@tollkeeper/protocol';
import type { Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { findBookProblems } from '../support/books.js';
import { eventually } from '../support/eventually.js';
import { startMortalDatabase, type MortalDatabase } from '../support/mortal-database.js';
import { configOf, evmVariables, startFundedEvm } from '../support/test-facilitator.js';
import { evmRequest, settle, verify, type Answered, type WireRequest } from '../support/wire.js';

const buyers = 8;
const paymentsOfEach = 6;
const outages = 2;

let evm: EvmChain;
let postgres: MortalDatabase;
let dataDir: string;
let service: Awaited<ReturnType<typeof composeService>>;
let database: Database;
let url: string;
let payTo: string;

beforeAll(async () => {
  [evm, postgres, dataDir] = await Promise.all([
    startFundedEvm(),
    startMortalDatabase(),
    mkdtemp(join(tmpdir(), 'tollkeeper-loss-')),
  ]);
  const own = { ENVIRONMENT: 'development', DATA_DIR: dataDir, DATABASE_URL: postgres.url };
  const config = configOf({ ...own, ...evmVariables(evm.url) });
  const log = createLogger({ level: 'silent' });
  const custody = await composeWallets(config, log);
  const wallet = await custody.wallets.create({ merchant: 'test', name: 'main' });
  await custody.close();
  payTo = wallet.addresses[0]?.address ?? expect.fail('the wallet has no address');
  service = await composeService(config, log);
  url = await service.app.listen({ host: '127.0.0.1', port: 0 });
  database = await openDatabase({ url: postgres.url, onWarning: () => undefined });
});
afterAll(async () => {
  await service.close();
  await database.close();
  await Promise.all([evm.stop(), postgres.stop()]);
  await rm(dataDir, { recursive: true, force: true });
});
afterEach(async () => {
  expect(await findBookProblems({ database, evm })).toEqual([]);
});

test('PostgreSQL killed under load loses no payment and doubles none', async () => {
  const keys = await Promise.all(Array.from({ length: buyers }, fundedKey));
  const load = keys.map((privateKey) => payInTurn(privateKey));
  const settled = () => load.reduce((count, { successes }) => count + successes.size, 0);
  const everybody = Promise.all(load.map(({ done }) => done));

  for (let outage = 1; outage <= outages; outage += 1) {
    const enough = (outage * buyers * paymentsOfEach) / (outages + 1);
    const isEnough = () => expect(settled()).toBeGreaterThanOrEqual(enough);
    await Promise.race([everybody, vi.waitFor(isEnough, { timeout: 60_000, interval: 20 })]);
    await postgres.kill();
    await expectOutageToShow();
    await postgres.revive();
  }
  // No claim of the living process stands in the way until its lease of 15 seconds ends.
  expect(await findKeptClaims(everybody)).toEqual([]);

  const statuses = new Set(load.flatMap((each) => each.statuses));
  expect([...statuses].sort()).toEqual([200, 503]);
  expect(settled()).toBe(buyers * paymentsOfEach);
  for (const { successes } of load) {
    for (const [request, transaction] of successes) {
      expect((await settle(url, request)).body).toMatchObject({ errorReason: 'duplicate_settlement', transaction });
    }
  }
  expect(await evm.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: payTo as Hex })).toBe(10_000n * BigInt(settled()));
  const unfinished = await database.sql`SELECT FROM payment WHERE state <> 'settled' OR delivered_at IS NULL`;
  expect(unfinished).toEqual([]);
});

test('a caller who lost its answer to an outage may verify and collect it later', async () => {
  const request = await evmRequest({ payTo });
  await evm.rpc('evm_setAutomine', [false]);
  const lost = settle(url, request);
  await eventually(async () => {
    expect(await database.sql`SELECT FROM payment WHERE state = 'submitted'`).toHaveLength(1);
  });
  const letThrough = postgres.cutOff();
  expect(await lost).toMatchObject({ status: 503, body: { success: false, errorReason: 'unexpected_settle_error' } });
  letThrough();

  await eventually(async () => expect((await verify(url, request)).body).toMatchObject({ isValid: true }));
  await evm.rpc('evm_setAutomine', [true]);
  await evm.mine();
  expect((await settle(url, request)).body).toMatchObject({ success: true });
  expect((await settle(url, request)).body).toMatchObject({ errorReason: 'duplicate_settlement' });
});

/** Those of the claims there are now that nobody renews or gives up before their lease has all but ended. */
async function findKeptClaims(end: Promise<unknown>): Promise<readonly unknown[]> {
  const kept = new Map<string, unknown>();
  const over = new AbortController();
  void end.finally(() => over.abort()).catch(() => undefined);
  const claims = await eventually(
    () => database.sql<{ id: string; until: Date }>`
      SELECT id, lease_until AS until FROM payment WHERE state = 'claimed' AND lease_until > now() + interval '5 seconds'`,
  );
  while (!over.signal.aborted) {
    const left = await database.sql<{ id: string }>`
      SELECT payment.id FROM payment
      JOIN unnest(${claims.map(({ id }) => id)}::uuid[], ${claims.map(({ until }) => until)}::timestamptz[]) AS claim (id, until)
        ON claim.id = payment.id
      WHERE state = 'claimed' AND lease_until <= claim.until + interval '1 millisecond'
        AND claim.until < now() + interval '2 seconds'`;
    for (const { id } of left) kept.set(id, `claim ${id} was kept until its lease ended`);
    await sleep(100);
  }
  await end;
  return [...kept.values()];
}

async function fundedKey(): Promise<Hex> {
  const privateKey = generatePrivateKey();
  await evm.mint({ token: BASE_SEPOLIA_USDC, to: privateKeyToAddress(privateKey), amount: 1_000_000n });
  return privateKey;
}

/** A buyer who pays one thing after the other, and asks again until it knows what became of each. */
function payInTurn(privateKey: Hex) {
  const successes = new Map<WireRequest, string>();
  const statuses: number[] = [];
  const done = (async () => {
    for (let count = 0; count < paymentsOfEach; count += 1) {
      const request = await evmRequest({ payTo, privateKey });
      successes.set(request, await settleAtLast(request, statuses));
    }
  })();
  return { successes, statuses, done };
}

async function settleAtLast(request: WireRequest, statuses: number[]): Promise<string> {
  for (;;) {
    const { status, body } = await settle(url, request);
    statuses.push(status);
    if (body.success) return body.transaction;
    expectRetryable({ status, body });
    await sleep(50);
  }
}

/** Whoever has not got its success is told to ask again, and in words that a stock client reads. */
function expectRetryable({ status, body }: Answered<SettleAnswer>): void {
  expect(body).toMatchObject({ success: false, network: 'eip155:84532', transaction: expect.any(String) as string });
  expect(body.errorReason).toBe(status === 503 ? 'unexpected_settle_error' : 'settlement_pending');
}

async function expectOutageToShow(): Promise<void> {
  const statusOf = async (path: string) => (await fetch(`${url}${path}`)).status;
  expect(await Promise.all(['/health', '/metrics', '/ready'].map(statusOf))).toEqual([200, 200, 503]);
  expect(await verify(url, await evmRequest({ payTo }))).toMatchObject({
    status: 503,
    body: { isValid: false, invalidReason: 'unexpected_verify_error' },
  });
}

import { createLedger, operatorOwner } from '@tollkeeper/ledger';
import { amount } from '@tollkeeper/protocol';
import { BASE_SEPOLIA_USDC } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { evmVariables, startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { freshRequest, settle } from '../support/wire.js';
import { evmUsdc } from './books-scene.js';
import { startCommand } from './command-process.js';

// Each command is a process of its own, which takes seconds to start where others have the processors.
vi.setConfig({ testTimeout: 300_000 });

let facilitator: TestFacilitator;
let env: Record<string, string>;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
  env = {
    ENVIRONMENT: 'development',
    DATA_DIR: facilitator.config.dataDir,
    DATABASE_URL: facilitator.database.url,
    ...evmVariables(facilitator.evm.url),
  };
});
afterAll(async () => {
  await facilitator.stop();
});

async function run(args: readonly string[], changes: Record<string, string> = {}) {
  const command = startCommand(args, { ...env, ...changes });
  const { code } = await command.ended;
  return { code, output: command.output(), errors: command.errors() };
}

/** What a command prints for machines: one JSON document. */
async function json(args: readonly string[], expectedCode = 0): Promise<unknown> {
  const { code, output, errors } = await run([...args, '--json']);
  expect(code, errors).toBe(expectedCode);
  return JSON.parse(output);
}

const aWallet = '019b0000-0000-7000-8000-000000000000';
const asset = [evmUsdc.network, evmUsdc.token];

test.concurrent.each([
  ...['serve', 'migrate', 'reconcile', 'pause', 'resume', 'status', 'payments list', 'payments show'],
  ...['wallets create', 'wallets list', 'wallets balance', 'keys create', 'keys list', 'keys revoke'],
  ...['merchants create', 'merchants list', 'audit verify', 'encryption rotate', 'encryption verify'],
  ...['wallets prepare', 'wallets statement', 'wallets limits', 'fees set', 'fees list', 'fees refer', 'fees owed'],
  ...['merchants', 'keys', 'wallets', 'fees', 'payments', 'audit', 'encryption'],
])('`%s --help` shows an example', async (command) => {
  const { code, output } = await run([...command.split(' '), '--help']);
  expect(code).toBe(0);
  expect(output).toMatch(/Examples?:\n( .*\n)* .*tollkeeper/);
});

describe('pause, status and resume', () => {
  test('print one document for machines, and sentences for people', async () => {
    expect(await json(['pause', 'settlement', '--reason', 'upgrade'])).toEqual({
      ...{ control: { kind: 'settlement' }, state: 'stopped', changed: true },
    });
    expect(await json(['pause', 'settlement', '--reason', 'again'])).toMatchObject({ changed: false });
    expect(await json(['status'])).toMatchObject({
      stopped: [{ control: { kind: 'settlement' }, reason: 'upgrade', setBy: 'operator' }],
    });
    expect((await run(['status'])).output).toMatch(/^STOPPED +BY +SINCE +REASON\nsettlement +operator/);
    expect((await run(['resume', 'settlement'])).output).toContain('running in every process within a second');
    expect((await run(['status'])).output).toContain('Nothing is stopped.');
  });

  test('take a merchant by name and an asset in any spelling of its address', async () => {
    const lowercase = ['eip155:84532', evmUsdc.token.toLowerCase()];
    expect(await json(['pause', 'asset', ...lowercase, '--reason', 'depeg'])).toMatchObject({
      control: { asset: evmUsdc },
    });
    expect(await json(['pause', 'merchant', 'test', '--reason', 'fraud'])).toMatchObject({
      control: { kind: 'merchant' },
    });
    expect((await run(['status'])).output).toMatch(/^merchant test +operator .* fraud$/m);
    expect(await json(['resume', 'asset', 'base-sepolia', evmUsdc.token])).toMatchObject({ changed: true });
    expect(await json(['resume', 'merchant', 'test'])).toMatchObject({ changed: true });
  });

  test.each<[string, readonly string[], number, string]>([
    ['an unknown thing', ['pause', 'everything', '--reason', 'x'], 2, 'one of settlement, merchant, asset, outflows'],
    ['an unknown state', ['payments', 'list', '--state', 'lost'], 2, 'settled'],
    ['an unknown network', ['payments', 'list', '--network', 'basse'], 2, 'a CAIP-2 id'],
    ['no reason', ['pause', 'settlement'], 2, '--reason'],
    ['a merchant without a name', ['pause', 'merchant', '--reason', 'x'], 2, 'names nothing that can be stopped'],
    ['an unknown asset', ['pause', 'asset', 'base-sepolia', '0x12', '--reason', 'x'], 2, evmUsdc.token],
    ['a wallet that is no id', ['wallets', 'balance', 'main'], 2, 'tollkeeper wallets list'],
    ['a wallet of a strange name', ['wallets', 'create', '--merchant', 'test', '--name', 'a\u0007'], 2, 'control'],
    [
      'a time before all times',
      ['wallets', 'statement', aWallet, '--from', '0000-01-01T00:00:00Z'],
      2,
      'a time in UTC',
    ],
    ['a note that is none', ['audit', 'verify', '--noted', '/dev/null'], 2, 'audit verify --json'],
    ['a note that is not there', ['audit', 'verify', '--noted', '/nowhere'], 2, 'cannot be read'],
    ['an unknown merchant', ['pause', 'merchant', 'nobody', '--reason', 'x'], 1, 'tollkeeper merchants list'],
  ])('refuse %s and say what to do', async (_what, args, code, advice) => {
    const result = await run(args);
    expect(result.code).toBe(code);
    expect(result.errors).toContain(advice);
  });
});

test('an outage is no finding', async () => {
  const away = { DATABASE_URL: 'postgresql://nobody@127.0.0.1:9/x' };
  const commands = [
    ['audit', 'verify'],
    ['wallets', 'list'],
    ['payments', 'list'],
    ['encryption', 'verify'],
  ];
  for (const { code, errors } of await Promise.all(commands.map((args) => run(args, away)))) {
    expect([code, errors]).toEqual([3, expect.stringContaining('DATABASE_UNAVAILABLE')]);
  }
});

describe('payments', () => {
  test('are listed and shown', async () => {
    const { body } = await settle(facilitator.url(), await freshRequest(facilitator, 'EVM'));
    const id = String(body.extra?.['paymentId']);
    expect(await json(['payments', 'list', '--state', 'settled', '--wallet', facilitator.wallet.id])).toMatchObject([
      { id, state: 'settled', amount: '10000', payTo: facilitator.wallet.evm },
    ]);
    expect(await json(['payments', 'list', '--state', 'failed'])).toEqual([]);
    expect(await json(['payments', 'show', id])).toMatchObject({ state: 'settled' });
    expect(await json(['wallets', 'balance', facilitator.wallet.id.toUpperCase()])).toHaveLength(1);
    expect((await run(['payments', 'list'])).output).toContain('0.010000 USDC');
    expect((await run(['payments', 'show', id])).output).toContain(body.transaction);
  });

  test('that do not exist are told so', async () => {
    const missing = await run(['payments', 'show', '019b0000-0000-7000-8000-000000000000']);
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.errors).toContain('tollkeeper payments list');
    expect(await run(['payments', 'show', 'x'])).toMatchObject({ code: 2 });
  });
});

describe('reconcile', () => {
  test('exits with 0 where nothing differs', async () => {
    expect(await json(['reconcile'])).toMatchObject({ outcome: 'clean', differing: 0, discrepancyRate: '0.0000' });
    const { code, output } = await run(['reconcile']);
    expect(code).toBe(0);
    expect(output).toContain('discrepancy rate 0.0000 %');
  });

  test('exits with 3 where a chain or the database does not answer, and freezes nothing', async () => {
    const chainless = await run(['reconcile'], { EVM_RPC_URL: 'http://127.0.0.1:9' });
    expect(chainless.code).toBe(3);
    expect(chainless.output).toContain('Not compared');
    expect(await run(['reconcile'], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:9/x' })).toMatchObject({ code: 3 });
    expect((await run(['status'])).output).toContain('Nothing is stopped.');
  });

  test('exits with 1 where something differs, says how much, and how to lift the freeze', async () => {
    const to = facilitator.wallet.evm as `0x${string}`;
    await facilitator.evm.mint({ token: BASE_SEPOLIA_USDC, to, amount: 5_000_000n });
    await facilitator.evm.mine(2);
    const { code, output } = await run(['reconcile']);
    expect(code).toBe(1);
    expect(output).toMatch(/custody .* 5\.000000 USDC/);
    expect(output).toContain(`tollkeeper resume outflows ${asset.join(' ')}`);
    expect(await json(['status'])).toMatchObject({ stopped: [{ control: { kind: 'outflows', asset: evmUsdc } }] });
    expect(await json(['resume', 'outflows', ...asset, '--reason', 'test'])).toMatchObject({ changed: true });
    expect(await json(['reconcile', '--history', '2'])).toMatchObject([
      { outcome: 'different' },
      { outcome: 'incomplete' },
    ]);
  });
});

test('encryption verify opens every deposit key', async () => {
  expect(await json(['encryption', 'verify'])).toEqual({ verified: 1 });
  const refused = await run(['encryption', 'rotate']);
  expect(refused.code).toBe(1);
  expect(refused.errors).toContain('WALLET_ENCRYPTION_KEY_NEXT');
});

test('fees set takes an asset in any spelling of its address, and none that nobody knows', async () => {
  const set = ['fees', 'set', '--merchant', 'test', '--bps', '100', '--network', 'base-sepolia', '--asset'];
  expect(await json([...set, evmUsdc.token.toLowerCase()])).toMatchObject({ asset: evmUsdc, bps: '100' });
  const refused = await run([...set, '0x12']);
  expect(refused.code).toBe(2);
  expect(refused.errors).toContain(evmUsdc.token);
  expect(await json(['fees', 'list', '--merchant', 'test'])).toHaveLength(1);
});

test('fees owed tells what a referrer has earned, by asset', async () => {
  const { id: owner } = (await json(['merchants', 'create', 'partner'])) as { id: string };
  expect((await run(['fees', 'owed', '--merchant', 'partner'])).output).toContain('Nothing is owed.');
  const { database } = facilitator.database;
  const debit = { kind: 'rounding', owner: operatorOwner } as const;
  const credit = { kind: 'referral_payable', owner } as const;
  const legs = [{ debit, credit, asset: evmUsdc, amount: amount(1_250_000n) }];
  await database.transaction((sql) => createLedger({ database }).post(sql, { scope: 'test', key: 'reward', legs }));
  expect(await json(['fees', 'owed', '--merchant', 'partner'])).toEqual([{ ...evmUsdc, amount: '1250000' }]);
  expect((await run(['fees', 'owed', '--merchant', 'partner'])).output).toMatch(/^eip155:84532 +1\.250000 USDC$/m);
});

test('wallets prepare notes the addresses that it adds, and nothing where none was missing', async () => {
  const { sql } = facilitator.database.database;
  const entries = () => sql<{ before: unknown }>`SELECT before FROM audit_entry WHERE action = 'wallet.prepare'`;
  const merchantId = (await sql<{ id: string }>`SELECT id FROM merchant WHERE name = 'partner'`).at(0)?.id ?? '';
  const walletId = '019b0000-0000-7000-8000-000000000001';
  await sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${walletId}::uuid, ${merchantId}::uuid, 'bare')`;
  await json(['wallets', 'prepare', walletId]);
  await json(['wallets', 'prepare', walletId]);
  expect(await entries()).toMatchObject([{ before: { addresses: [] } }]);
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCommand } from '../operations/command-process.js';
import { startTenantService, type TenantService } from './support/tenant-service.js';

// Each command is a process of its own, which takes seconds to start where others have the processors.
let service: TenantService;
let folder: string;
beforeAll(async () => {
  service = await startTenantService();
  folder = await mkdtemp(join(tmpdir(), 'tollkeeper-commands-'));
});
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<{ code: number | null; output: string; errors: string }> {
  const env = { ENVIRONMENT: 'development', DATA_DIR: folder, DATABASE_URL: service.database.url };
  const command = startCommand(args, env);
  const { code } = await command.ended;
  return { code, output: command.output(), errors: command.errors() };
}

test('a merchant’s first key is made by the command, works at once, and ends with its revocation', async () => {
  expect(await run('merchants', 'create', 'acme')).toMatchObject({ code: 0, errors: '' });
  const made = await run('keys', 'create', '--merchant', 'acme', '--name', 'first', '--secret-only');
  expect(made).toMatchObject({ code: 0, errors: '', output: expect.stringMatching(/^sk_test_[\w-]{43}\n$/) as string });
  const secret = made.output.trim();
  const list = () => service.call('GET', '/v1/api-keys', { key: secret });
  expect((await list()).status).toBe(200);

  const listed = await run('keys', 'list', '--merchant', 'acme', '--json');
  expect(listed.output).not.toContain(secret);
  const [key] = JSON.parse(listed.output) as { id: string; permissions: string[] }[];
  expect(key?.permissions).toEqual(['read', 'write', 'withdraw', 'approve', 'admin']);
  expect(await run('keys', 'revoke', key?.id ?? '')).toMatchObject({ code: 0 });
  expect((await list()).body['code']).toBe('API_KEY_REVOKED');
});

test.each([
  [1, 'MERCHANT_EXISTS', ['merchants', 'create', 'taken']],
  [1, 'MERCHANT_NOT_FOUND', ['keys', 'create', '--merchant', 'nobody', '--name', 'x']],
  [1, 'API_KEY_NOT_FOUND', ['keys', 'revoke', '019b0000-0000-7000-8000-000000000000']],
  [2, 'any of read', ['keys', 'create', '--merchant', 'taken', '--name', 'x', '--permissions', 'root']],
  [2, 'a time in UTC', ['keys', 'create', '--merchant', 'taken', '--name', 'x', '--expires', 'tomorrow']],
  [2, '--expires', ['keys', 'create', '--merchant', 'taken', '--name', 'x', '--expires', '2020-01-01T00:00:00Z']],
  [2, 'control characters', ['merchants', 'create', 'two\nlines']],
  [2, 'tollkeeper keys list', ['keys', 'revoke', 'mine']],
])('exit code %i and %j for a wrong command', async (code, words, args) => {
  await service.tenants.createMerchant('taken').catch(() => undefined);
  const result = await run(...args);
  expect(result.code).toBe(code);
  expect(result.errors).toContain(words);
  expect(result.output).toBe('');
});

test('audit verify says that the chains are whole, and names the first altered entry', async () => {
  const { id } = await service.tenants.createMerchant('watched');
  await service.tenants.createKey({ merchant: 'watched', name: 'k', permissions: ['read'], expiresAt: null });
  const whole = await run('audit', 'verify', '--json');
  expect(whole.code).toBe(0);
  const noted = join(folder, 'noted.json');
  await writeFile(noted, whole.output);
  expect(await run('audit', 'verify', '--noted', noted)).toMatchObject({ code: 0 });

  const { default: pg } = await import('pg');
  const owner = new pg.Client({ connectionString: service.database.ownerUrl });
  await owner.connect();
  await owner.query('ALTER TABLE audit_entry DISABLE TRIGGER USER');
  await owner.query(`UPDATE audit_entry SET action = 'nothing' WHERE merchant_id = $1 AND sequence = 2`, [id]);
  await owner.end();
  const broken = await run('audit', 'verify');
  expect(broken.code).toBe(1);
  expect(broken.output).toMatch(/watched +1 +entry 2: the entry was altered/);
  expect(broken.errors).toContain('AUDIT_CHAIN_BROKEN');
});

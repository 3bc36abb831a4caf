import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isFault } from '@tollkeeper/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { seedDataDir } from '../testing/seed-cluster.js';
import { withAdmin } from '../testing/template-database.js';
import { eventually } from '../../../../test/support/eventually.js';
import { lockHolder } from './data-dir-lock.js';
import { readPostmasterFile } from './postmaster.js';
import { startOfProcess } from './running-process.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './start-embedded-postgres.js';

const source = new URL('./start-embedded-postgres.ts', import.meta.url).href;

// Some owners are processes of their own, which take seconds to start where others have the processors.
/** A process of its own that starts a database, prints its address once signals reach its handlers, and then waits. */
const OWNER = `
  import { startEmbeddedPostgres } from ${JSON.stringify(source)};
  const [dataDir] = process.argv.slice(1);
  const say = (line) => process.stdout.write(JSON.stringify(line) + '\\n');
  say({ started: process.pid });
  startEmbeddedPostgres({ dataDir, onWarning: (warning) => say({ warning }) }).then(
    ({ ownerUrl, stop }) => {
      process.on('SIGTERM', () => stop().then(() => process.exit(0)));
      process.on('SIGINT', () => say({ interrupted: true }));
      process.stdin.on('data', () => process.exit(3));
      say({ ownerUrl });
    },
    ({ code, facts }) => say({ code, facts }),
  );
`;

type Line = Readonly<Record<string, unknown>>;

interface Owner {
  readonly child: ChildProcess;
  /** The next line that has this field. */
  readonly line: (field: string) => Promise<Line>;
  readonly ended: Promise<unknown>;
}

let dataDir: string;
let parent: string;
const children: ChildProcess[] = [];
const servers: EmbeddedPostgres[] = [];

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'tollkeeper-embedded-'));
  chmodSync(parent, 0o755);
  dataDir = join(parent, 'data');
  await seedDataDir(dataDir);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of servers.splice(0)) await server.stop();
  const orphan = readPostmasterFile(join(dataDir, 'postgres'));
  if (orphan !== undefined && startOfProcess(orphan.pid) !== undefined) process.kill(orphan.pid, 'SIGQUIT');
  rmSync(parent, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

async function start(onWarning: (message: string) => void = () => undefined): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, onWarning });
  servers.push(server);
  return server;
}

function spawnOwner(options: { uid?: number; gid?: number } = {}): Owner {
  const args = ['--conditions=@tollkeeper/source', '--import', 'tsx', '--input-type=module', '--eval', OWNER, dataDir];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  children.push(child);
  const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)));
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => lines.push(JSON.parse(text) as Line));
  const line = (field: string) =>
    vi.waitFor(
      () => {
        const found = lines.find((entry) => field in entry);
        if (found === undefined) throw new Error(`No ${field} among ${JSON.stringify(lines)}`);
        return found;
      },
      { timeout: 60_000, interval: 5 },
    );
  return { child, line, ended };
}

async function ask(url: unknown, sql: string): Promise<unknown[]> {
  return withAdmin(String(url), async (admin) => (await admin.query<Record<string, unknown>>(sql)).rows);
}

test('data survives a restart', async () => {
  const first = await start();
  await ask(first.ownerUrl, 'CREATE TABLE fruit AS SELECT 1 AS id');
  await first.stop();
  const second = await start();
  expect(await ask(second.ownerUrl, 'SELECT id FROM fruit')).toEqual([{ id: 1 }]);
});

test('the server is durable, listens on this machine only, and wants its password', async () => {
  const { ownerUrl } = await start();
  const [settings] = await ask(
    ownerUrl,
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
            current_setting('listen_addresses') AS addresses, current_setting('server_version_num')::int >= 160000 AS new`,
  );
  expect(settings).toEqual({ fsync: 'on', commit: 'on', addresses: '127.0.0.1', new: true });
  await expect(ask(ownerUrl.replace(/:[^:@/]+@/, ':wrong@'), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
});

test('secrets are readable for their owner only, and none reaches the server process', async () => {
  const { ownerUrl } = await start();
  const password = new URL(ownerUrl).password;
  expect(readFileSync(join(dataDir, 'postgres-password'), 'utf8')).toBe(password);
  for (const name of ['postgres-password', 'postgres.log']) {
    expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
  }
  expect(statSync(join(dataDir, 'postgres')).mode & 0o077).toBe(0);
  expect(readFileSync(join(dataDir, 'postgres.log'), 'utf8')).not.toContain(password);
  expect(readdirSync(dataDir).sort()).toEqual(['lock.1', 'postgres', 'postgres-password', 'postgres.log']);
  const pid = readPostmasterFile(join(dataDir, 'postgres'))?.pid ?? 0;
  if (process.platform === 'linux') {
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').sort().join(' ')).toMatch(
      /^ LC_ALL=C PATH=\S+ .*TZ=UTC$/,
    );
  }
});

test('stopping ends the server, gives the folder back, and may be repeated', async () => {
  const server = await start();
  const pid = readPostmasterFile(join(dataDir, 'postgres'))?.pid ?? 0;
  await Promise.all([server.stop(), server.stop()]);
  await server.stop();
  expect(startOfProcess(pid)).toBeUndefined();
  expect(lockHolder(dataDir)?.alive).toBe(false);
});

test('stopping does not wait for sessions that are still open', async () => {
  const server = await start();
  const sleeping = ask(server.ownerUrl, 'SELECT pg_sleep(600)').catch((error: unknown) => error);
  await eventually(async () => {
    expect(
      await ask(server.ownerUrl, `SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'`),
    ).toHaveLength(1);
  });
  await server.stop();
  expect(await sleeping).toBeInstanceOf(Error);
});

test('a second use of the folder is refused, in the same process too', async () => {
  await start();
  const error: unknown = await start().catch((reason: unknown) => reason);
  expect(isFault(error, 'DATA_DIR_IN_USE') && error.facts).toEqual({ dataDir, pid: process.pid });
});

test('of two processes on one new folder, one works and the other is told which', async () => {
  rmSync(dataDir, { recursive: true });
  const owners = [spawnOwner(), spawnOwner()];
  const outcomes = await Promise.all(owners.map(({ line }) => Promise.any([line('ownerUrl'), line('code')])));
  const winner = outcomes.findIndex((outcome) => 'ownerUrl' in outcome);
  const refused = outcomes.find((outcome) => 'code' in outcome);
  expect(winner).not.toBe(-1);
  expect(refused).toEqual({ code: 'DATA_DIR_IN_USE', facts: { dataDir, pid: owners[winner]?.child.pid } });
  expect(await ask(outcomes[winner]?.['ownerUrl'], 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('after SIGKILL of its owner, the next process recovers what was committed', async () => {
  const owner = spawnOwner();
  const { ownerUrl } = await owner.line('ownerUrl');
  await ask(ownerUrl, 'CREATE TABLE fruit (id int)');
  await ask(ownerUrl, 'INSERT INTO fruit VALUES (1)');
  const orphan = readPostmasterFile(join(dataDir, 'postgres'))?.pid ?? 0;
  owner.child.kill('SIGKILL');
  await owner.ended;
  expect(startOfProcess(orphan)).toBeDefined();

  const warnings: string[] = [];
  const next = await start((warning) => warnings.push(warning));
  expect(warnings).toEqual([expect.stringContaining('left behind')]);
  expect(startOfProcess(orphan)).toBeUndefined();
  expect(await ask(next.ownerUrl, 'SELECT id FROM fruit')).toEqual([{ id: 1 }]);
});

test('after SIGKILL of owner and server together, the next process recovers', async () => {
  const owner = spawnOwner();
  const { ownerUrl } = await owner.line('ownerUrl');
  await ask(ownerUrl, 'CREATE TABLE fruit AS SELECT 1 AS id');
  owner.child.kill('SIGKILL');
  process.kill(readPostmasterFile(join(dataDir, 'postgres'))?.pid ?? 0, 'SIGKILL');
  await owner.ended;
  const next = await start();
  expect(await ask(next.ownerUrl, 'SELECT id FROM fruit')).toEqual([{ id: 1 }]);
});

test('SIGKILL at any moment of the first start leaves a folder that the next start can use', async () => {
  for (const waitMs of [0, 500]) {
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    const owner = spawnOwner();
    await owner.line('started');
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    owner.child.kill('SIGKILL');
    await owner.ended;
    const next = await start();
    expect(await ask(next.ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await next.stop();
    expect(readdirSync(dataDir).filter((name) => name.startsWith('postgres.init'))).toEqual([]);
  }
});

test('an id in postmaster.pid that now belongs to somebody else is not signalled', async () => {
  await (await start()).stop();
  const bystander = spawn('sleep', ['60']);
  children.push(bystander);
  writeFileSync(join(dataDir, 'postgres', 'postmaster.pid'), `${bystander.pid ?? 0}\n${join(dataDir, 'postgres')}\n`);
  const next = await start();
  expect(await ask(next.ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
});

test('a lock whose process id was given to another process is taken over', async () => {
  writeFileSync(join(dataDir, 'lock.7'), JSON.stringify({ pid: process.pid, start: 'long ago' }));
  await start();
  expect(lockHolder(dataDir)).toEqual({ pid: process.pid, alive: true });
});

test('Ctrl-C reaches the owner and not the server, so that it can finish its work', async () => {
  const owner = spawnOwner();
  const { ownerUrl } = await owner.line('ownerUrl');
  const server = readPostmasterFile(join(dataDir, 'postgres'))?.pid ?? 0;
  const groupOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[4];
  expect(groupOf(server)).not.toBe(groupOf(owner.child.pid ?? 0));
  owner.child.kill('SIGINT');
  await owner.line('interrupted');
  expect(await ask(ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  owner.child.kill('SIGTERM');
  expect(await owner.ended).toBe(0);
  expect(startOfProcess(server)).toBeUndefined();
});

test('a process that exits without stopping its database takes it along', async () => {
  const owner = spawnOwner();
  await owner.line('ownerUrl');
  const server = readPostmasterFile(join(dataDir, 'postgres'))?.pid ?? 0;
  owner.child.stdin?.write('exit\n');
  expect(await owner.ended).toBe(3);
  await eventually(() => expect(startOfProcess(server)).toBeUndefined());
});

test('a server that ends by itself is told', async () => {
  const onWarning = vi.fn();
  await start(onWarning);
  process.kill(readPostmasterFile(join(dataDir, 'postgres'))?.pid ?? 0, 'SIGINT');
  await eventually(() => expect(onWarning).toHaveBeenCalledWith('The embedded database server ended by itself'));
});

test('a folder that cannot work says why', async () => {
  await (await start()).stop();
  const password = readFileSync(join(dataDir, 'postgres-password'));
  rmSync(join(dataDir, 'postgres-password'));
  const missing: unknown = await start().catch((reason: unknown) => reason);
  expect(isFault(missing, 'DATA_DIR_UNUSABLE') && missing.facts['detail']).toContain('postgres-password is missing');

  writeFileSync(join(dataDir, 'postgres-password'), password, { mode: 0o600 });
  writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '12\n');
  const old: unknown = await start().catch((reason: unknown) => reason);
  expect(isFault(old, 'DATA_DIR_UNUSABLE') && old.facts['detail']).toContain('version 12');

  const file = join(parent, 'file');
  writeFileSync(file, '');
  const pending = startEmbeddedPostgres({ dataDir: file, onWarning: () => undefined });
  expect(isFault(await pending.catch((reason: unknown) => reason), 'DATA_DIR_UNUSABLE')).toBe(true);
});

const isRoot = process.getuid?.() === 0;

test.runIf(isRoot)('under root, a folder that other users may not enter works too', async () => {
  chmodSync(parent, 0o700);
  const { ownerUrl } = await start();
  expect(await ask(ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test.runIf(isRoot)('an ordinary user needs no other', async () => {
  const nobody = 65_534;
  rmSync(dataDir, { recursive: true });
  mkdirSync(dataDir);
  chmodSync(dataDir, 0o777);
  const owner = spawnOwner({ uid: nobody, gid: nobody });
  const { ownerUrl } = await owner.line('ownerUrl');
  expect(await ask(ownerUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(statSync(join(dataDir, 'postgres')).uid).toBe(nobody);
  owner.child.kill('SIGTERM');
  expect(await owner.ended).toBe(0);
});

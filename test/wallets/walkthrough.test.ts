import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const sandbox = resolve('packages/sandbox/dist/main.js');

let dataDir: string;
let env: Record<string, string>;
let running: ChildProcess;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tollkeeper-walkthrough-'));
  const [port, merchant, evm, svm] = await freePorts(4);
  env = {
    PATH: process.env['PATH'] ?? '',
    HOME: dataDir,
    DATA_DIR: join(dataDir, 'sandbox'),
    PORT: String(port),
    MERCHANT_PORT: String(merchant),
    EVM_RPC_PORT: String(evm),
    SVM_RPC_PORT: String(svm),
  };
  running = spawn(process.execPath, [sandbox], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((ready, fail) => {
    let output = '';
    running.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Running.')) ready();
    });
    running.once('exit', () => fail(new Error(`The sandbox did not start:\n${output}`)));
  });
});

afterAll(async () => {
  const ended = new Promise((resolveEnd) => running.once('exit', resolveEnd));
  running.kill('SIGTERM');
  await ended;
  await rm(dataDir, { recursive: true, force: true });
});

test('docs/wallets.md can be followed word for word', { timeout: 600_000 }, async () => {
  const output = await follow('docs/wallets.md');
  expect(output).toContain('Paid 0.05 USDC on eip155:84532');
  expect(output).toContain('Paid 0.02 USDC on solana:');
  expect(output).toContain('"state":"completed"');
  expect(output).toContain('"state":"cancelled"');
  expect(output).toContain('"state":"expired"');
  expect(output).toContain('"captured":"12000"');
  expect(output).toContain('eip155:84532: 28000 available, as the lines say');
});

test('docs/api.md can be followed word for word', { timeout: 300_000 }, async () => {
  const output = await follow('docs/api.md');
  expect(output).toContain('"key":"sk_test_');
  expect(output).toContain('BALANCE_INSUFFICIENT');
  expect(output).toContain('{"items":[],"nextCursor":null}');
});

/** The last one, because it changes the key that the sandbox was started with. */
test('docs/operations.md can be followed word for word', { timeout: 600_000 }, async () => {
  const output = await follow('docs/operations.md');
  expect(output).toContain('clean, 0 differences');
  expect(output).toContain('deposit keys sealed anew');
});

/** Runs what a page says, and answers what that printed. */
async function follow(path: string): Promise<string> {
  const page = await readFile(path, 'utf8');
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
  expect(blocks.length).toBeGreaterThan(3);
  const script = blocks
    .join('\n')
    .replaceAll('http://127.0.0.1:4022', `http://127.0.0.1:${env['PORT'] ?? ''}`)
    // npm would look for its settings in a home that is not there; what it runs is this.
    .replaceAll('npm run --silent sandbox --', `node ${sandbox}`)
    .replaceAll('statement.csv', join(dataDir, 'statement.csv'));
  const { code, output } = await runBash(`set -euo pipefail\n${script}`);
  expect(code, output).toBe(0);
  return output;
}

async function runBash(script: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn('bash', ['-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const code = await new Promise<number | null>((ended) => child.once('close', ended));
  return { code, output };
}

/** Ports below those that systems give to whoever asks for any, so that nobody is given one before the sandbox takes it. */
async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const isListening = await new Promise<boolean>((answer) => {
    server.once('error', () => answer(false));
    server.listen(port, '127.0.0.1', () => answer(true));
  });
  if (isListening) await new Promise((closed) => server.close(closed));
  return isListening;
}

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Curve } from './curve.js';
import { loadNativeCurve } from './native-curve.js';
import type { SignedDigest } from './recovery-messages.js';
import { startRecoveryThread } from './recovery-thread.js';
import { createSignerRecovery, type SignerRecovery } from './signer-recovery.js';

const native = loadNativeCurve();

/** Every third can have been signed by nobody. */
const signed: readonly SignedDigest[] = Array.from({ length: 60 }, (_, index) => {
  const digest = createHash('sha256').update(`message ${index}`).digest();
  const signature = native.sign(digest, createHash('sha256').update(`key ${index}`).digest());
  return { digest, signature: index % 3 === 0 ? { ...signature, rs: new Uint8Array(64).fill(0xff) } : signature };
});
const signers = signed.map(({ digest, signature }) => native.recover(digest, signature));

let recoveredHere: number;
let warnings: string[];
let folder: string;
const curve: Curve = {
  ...native,
  recover(digest, signature) {
    recoveredHere += 1;
    return native.recover(digest, signature);
  },
};
const onWarning = (message: string) => warnings.push(message);
const opened: SignerRecovery[] = [];

function open(parts: Partial<Parameters<typeof createSignerRecovery>[0]> = {}): SignerRecovery {
  const recovery = createSignerRecovery({ curve, onWarning, processors: 2, ...parts });
  opened.push(recovery);
  return recovery;
}

/** A program for the thread that is ready and then does what it is told when it is asked. */
async function programThat(onMessage: string): Promise<string> {
  const program = join(folder, `${randomBytes(4).toString('hex')}.mjs`);
  const code = `import { parentPort } from 'node:worker_threads';
    parentPort.on('message', () => { ${onMessage} });
    parentPort.postMessage('ready');`;
  await writeFile(program, code);
  return program;
}

const recoverAll = (recovery: SignerRecovery) =>
  Promise.all(signed.map(({ digest, signature }) => recovery.recover(digest, signature)));

async function recoveredHereBy(recovery: SignerRecovery): Promise<number> {
  recoveredHere = 0;
  expect(await recoverAll(recovery)).toEqual(signers);
  return recoveredHere;
}

beforeEach(async () => {
  recoveredHere = 0;
  warnings = [];
  folder = await mkdtemp(join(tmpdir(), 'tollkeeper-recovery-'));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((recovery) => recovery.close()));
  await rm(folder, { recursive: true });
});

test('those that come together are recovered in a thread, each with its own answer', async () => {
  const recovery = open();
  // Nobody waits for the thread to start.
  expect(await recoveredHereBy(recovery)).toBe(signed.length);
  await expect.poll(() => recoveredHereBy(recovery), { timeout: 60_000 }).toBe(0);
  expect(warnings).toEqual([]);
});

test('batches that are under way at the same time each get their own answers', async () => {
  const thread = await startRecoveryThread();
  const batches = [signed.slice(0, 40), signed.slice(40, 41), signed.slice(41)];
  const answers = await Promise.all(batches.map((batch) => thread.recover(batch)));
  await thread.end();
  expect(answers).toEqual([signers.slice(0, 40), signers.slice(40, 41), signers.slice(41)]);
});

test('a lone one is recovered here and starts no thread', async () => {
  const recovery = open({ startThread: () => expect.fail('A thread was started') });
  for (const [index, { digest, signature }] of signed.entries()) {
    expect(await recovery.recover(digest, signature)).toBe(signers[index]);
  }
  expect(recoveredHere).toBe(signed.length);
});

test('with one processor there is no thread', async () => {
  const recovery = open({ processors: 1, startThread: () => expect.fail('A thread was started') });
  expect(await recoveredHereBy(recovery)).toBe(signed.length);
});

test('when the thread dies before it answers, everybody is answered here, and an operator is told once', async () => {
  const dying = await programThat('process.exit(1)');
  let started = 0;
  const recovery = open({
    startThread: async () => {
      const thread = await startRecoveryThread(dying);
      started += 1;
      return thread;
    },
  });
  await recoverAll(recovery);
  await expect.poll(() => started).toBe(1);
  // Two batches are under way when it dies.
  const first = recoverAll(recovery);
  await new Promise((resolve) => setImmediate(resolve));
  const second = recoverAll(recovery);
  expect([await first, await second]).toEqual([signers, signers]);
  expect(await recoveredHereBy(recovery)).toBe(signed.length);
  expect(started).toBe(1);
  expect(warnings).toEqual([expect.stringContaining('Signers are recovered without a thread of their own')]);
});

test('when the thread cannot start, an operator learns why, and everything is recovered here', async () => {
  const broken = join(folder, 'broken.mjs');
  await writeFile(broken, `throw new Error('no binary for this platform');`);
  const recovery = open({ startThread: () => startRecoveryThread(broken) });
  expect(await recoveredHereBy(recovery)).toBe(signed.length);
  await expect.poll(() => warnings).toEqual([expect.stringContaining('no binary for this platform')]);
  expect(await recoveredHereBy(recovery)).toBe(signed.length);
});

test('what is asked while it closes, and afterwards, is answered all the same', async () => {
  const silent = await programThat('');
  let isStarted = false;
  const recovery = open({
    startThread: async () => {
      const thread = await startRecoveryThread(silent);
      isStarted = true;
      return thread;
    },
  });
  await recoverAll(recovery);
  await expect.poll(() => isStarted).toBe(true);
  const unanswered = recoverAll(recovery);
  await new Promise((resolve) => setImmediate(resolve));
  await recovery.close();
  expect(await unanswered).toEqual(signers);
  expect(await recoveredHereBy(recovery)).toBe(signed.length);
  expect(warnings).toEqual([]);
});

test.each([
  ['waits for its answers', 'console.log((await thread.recover(asked)).length);', '2000'],
  ['ends by itself when it has asked nothing', 'console.log(0);', '0'],
])('a process that has nothing else to do %s', async (_does, rest, printed) => {
  const built = new URL('../../dist/curve/', import.meta.url);
  const code = `
    import { startRecoveryThread } from '${new URL('recovery-thread.js', built).href}';
    const thread = await startRecoveryThread();
    const one = { digest: new Uint8Array(32).fill(1), signature: { rs: new Uint8Array(64).fill(1), recovery: 0 } };
    const asked = Array.from({ length: 2_000 }, () => one);
    ${rest}`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], { timeout: 30_000 });
  expect((await run).stdout.trim()).toBe(printed);
});

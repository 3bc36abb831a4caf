import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { Connection, Keypair, SystemProgram, TransactionMessage, VersionedTransaction } from '@solana/web3.js';
import { startSolanaChain } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'solana-chain-'));
const children = new Set<ChildProcess>();

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const mint = '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU';

async function sendTransfer(connection: Connection, payer: Keypair) {
  const { blockhash } = await connection.getLatestBlockhash();
  const toPubkey = Keypair.generate().publicKey;
  const instructions = [SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey, lamports: 1_000_000 })];
  const message = new TransactionMessage({ payerKey: payer.publicKey, recentBlockhash: blockhash, instructions });
  const transaction = new VersionedTransaction(message.compileToLegacyMessage());
  transaction.sign([payer]);
  const wire = transaction.serialize();
  return { signature: await connection.sendRawTransaction(wire), wire, blockhash };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'accepted',
    (error: unknown) => String(error),
  );
}

describe('a chain with a state file', () => {
  test('keeps balances, history, blockhashes and the refusal of replays through a stop', async () => {
    const stateFile = join(folder, 'stopped', 'chain.jsonl');
    const payer = Keypair.generate();
    const owner = payer.publicKey.toBase58();
    const slotMs = 3_600_000;
    const first = await startSolanaChain({ stateFile, slotMs });
    first.createToken({ mint, decimals: 6, program: 'token' });
    first.fundToken({ mint, owner, amount: 42n });
    first.fundSol(owner, 1_000_000_000n);
    const sent = await sendTransfer(new Connection(first.url), payer);
    const slotBefore = first.slot();
    await first.stop();

    const second = await startSolanaChain({ stateFile, slotMs });
    const connection = new Connection(second.url);
    expect(second.slot()).toBe(slotBefore + 1);
    expect(second.tokenBalance({ mint, owner })).toBe(42n);
    expect(await connection.getBalance(payer.publicKey, 'processed')).toBe(998_995_000);
    expect(await connection.isBlockhashValid(sent.blockhash)).toMatchObject({ value: true });
    const statuses = await connection.getSignatureStatuses([sent.signature], { searchTransactionHistory: true });
    expect(statuses.value[0]?.err).toBeNull();
    expect(await codeOf(connection.sendRawTransaction(sent.wire))).toContain('already been processed');
    expect(second.landedTransactions().map(({ signature }) => signature)).toEqual([sent.signature]);
    await second.stop();
  });

  test('refuses a second chain on the same file', async () => {
    const stateFile = join(folder, 'locked', 'chain.jsonl');
    const first = await startSolanaChain({ stateFile });
    await expect(startSolanaChain({ stateFile })).rejects.toThrow(/in use/);
    await first.stop();
    await (await startSolanaChain({ stateFile })).stop();
  });

  test('loses nothing that it answered when it is killed, even in the middle of a write', async () => {
    const stateFile = join(folder, 'killed', 'chain.jsonl');
    const payer = Keypair.generate();
    const child = await startChild(stateFile, payer.publicKey.toBase58());
    const connection = new Connection(child.url);
    const sent = [];
    for (let count = 0; count < 5; count += 1) sent.push(await sendTransfer(connection, payer));
    const slotBefore = await connection.getSlot('processed');
    await child.kill();
    appendFileSync(stateFile, '{"kind":"landed","landed":{"signa');

    const chain = await startSolanaChain({ stateFile });
    const revived = new Connection(chain.url);
    expect(chain.slot()).toBeGreaterThanOrEqual(slotBefore);
    expect(chain.slot()).toBeLessThan(slotBefore + 40);
    expect(chain.landedTransactions().map(({ signature }) => signature)).toEqual(
      sent.map(({ signature }) => signature),
    );
    expect(await revived.getBalance(payer.publicKey, 'processed')).toBe(1_000_000_000 - 5 * 1_005_000);
    for (const { wire, signature } of sent) {
      expect(await codeOf(revived.sendRawTransaction(wire))).toContain('already been processed');
      await expect
        .poll(() => revived.getTransaction(signature, { commitment: 'confirmed', maxSupportedTransactionVersion: 0 }), {
          timeout: 15_000,
        })
        .toMatchObject({ meta: { err: null } });
    }
    await sendTransfer(revived, payer);
    expect(chain.landedTransactions()).toHaveLength(6);
    await chain.stop();
  });
});

async function startChild(stateFile: string, owner: string) {
  const module = pathToFileURL(join(import.meta.dirname, 'start-solana-chain.ts')).href;
  const script = `
    import { startSolanaChain } from '${module}';
    const chain = await startSolanaChain({ stateFile: ${JSON.stringify(stateFile)} });
    chain.fundSol('${owner}', 1000000000n);
    process.stdout.write(chain.url);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => {
      resolve(chunk.toString());
    });
    child.once('exit', () => {
      reject(new Error('The chain process ended early'));
    });
  });
  return {
    url,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

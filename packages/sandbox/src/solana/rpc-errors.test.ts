import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Keypair, SystemProgram, TransactionMessage, VersionedTransaction } from '@solana/web3.js';
import { startSolanaChain, type SolanaChain } from './index.js';

let chain: SolanaChain;

beforeAll(async () => {
  chain = await startSolanaChain();
  chain.pauseSlots();
});

afterAll(async () => {
  await chain.stop();
});

async function post(body: string): Promise<Response> {
  return fetch(chain.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
}

interface Answer {
  result?: unknown;
  error?: { code: number; message: string; data?: Record<string, unknown> };
  id: unknown;
}

async function call(method: string, ...params: unknown[]): Promise<Answer> {
  return (await (await post(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))).json()) as Answer;
}

async function valueOf(method: string, ...params: unknown[]): Promise<unknown> {
  const { result, error } = await call(method, ...params);
  expect(error).toBeUndefined();
  return (result as { value: unknown }).value;
}

async function liveBlockhash(): Promise<string> {
  return ((await valueOf('getLatestBlockhash')) as { blockhash: string }).blockhash;
}

function payer(lamports = 1_000_000_000n): Keypair {
  const key = Keypair.generate();
  chain.fundSol(key.publicKey.toBase58(), lamports);
  return key;
}

function transfer(from: Keypair, recentBlockhash: string, lamports = 1_000_000): VersionedTransaction {
  const toPubkey = Keypair.generate().publicKey;
  const instructions = [SystemProgram.transfer({ fromPubkey: from.publicKey, toPubkey, lamports })];
  const message = new TransactionMessage({ payerKey: from.publicKey, recentBlockhash, instructions });
  const transaction = new VersionedTransaction(message.compileToLegacyMessage());
  transaction.sign([from]);
  return transaction;
}

const wireOf = (transaction: VersionedTransaction): string => Buffer.from(transaction.serialize()).toString('base64');

const base64 = { encoding: 'base64' };

describe('the JSON-RPC envelope', () => {
  test.each([
    ['{', -32700],
    ['[]', -32600],
    ['1', -32600],
    ['{"id":1,"method":"getSlot"}', -32600],
    ['{"jsonrpc":"2.0","id":{},"method":"getSlot"}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"signatureSubscribe"}', -32601],
    ['{"jsonrpc":"2.0","id":1,"method":"constructor"}', -32601],
    ['{"jsonrpc":"2.0","id":1,"method":"getSlot","params":{}}', -32602],
  ])('%s is refused with %i', async (body, code) => {
    expect(((await (await post(body)).json()) as Answer).error?.code).toBe(code);
  });

  test('a batch is answered call by call, without its notifications', async () => {
    const calls = [
      { jsonrpc: '2.0', id: 'a', method: 'getHealth' },
      { jsonrpc: '2.0', method: 'getHealth' },
      { jsonrpc: '2.0', id: 2, method: 'nothing' },
    ];
    const answers = (await (await post(JSON.stringify(calls))).json()) as Answer[];
    expect(answers.map(({ id, result, error }) => [id, result ?? error?.code])).toEqual([
      ['a', 'ok'],
      [2, -32601],
    ]);
  });

  test('other methods, paths and too large bodies are refused', async () => {
    expect((await fetch(chain.url, { method: 'PUT', body: '{}' })).status).toBe(405);
    expect(await (await fetch(`${chain.url}/health`)).text()).toBe('ok');
    expect((await post(' '.repeat(51_201))).status).toBe(413);
  });

  test('a websocket is refused with a reason', async () => {
    const headers = { connection: 'upgrade', upgrade: 'websocket' };
    const { request } = await import('node:http');
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request(chain.url, { headers }, (response) => {
        resolve(response.statusCode);
      });
      outgoing.on('error', reject).end();
    });
    expect(status).toBe(501);
  });

  test('u64 values are bare digits', async () => {
    const { address } = chain.mintAuthority;
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'getAccountInfo', params: [address, base64] });
    expect(await (await post(body)).text()).toContain('"rentEpoch":18446744073709551615,');
  });
});

describe('parameters', () => {
  test.each([
    ['getBalance', []],
    ['getBalance', [7]],
    ['getBalance', ['not-base58']],
    ['getBalance', ['1111']],
    ['getAccountInfo', ['11111111111111111111111111111111', { encoding: 'hex' }]],
    ['getAccountInfo', ['11111111111111111111111111111111', { commitment: 'soon' }]],
    ['getMultipleAccounts', [Array.from({ length: 101 }, () => '11111111111111111111111111111111')]],
    ['getSignatureStatuses', [['abc']]],
    ['getTokenAccountBalance', ['11111111111111111111111111111112']],
    ['getTokenAccountsByOwner', ['11111111111111111111111111111111', {}]],
    ['sendTransaction', ['AA==']],
    ['sendTransaction', ['!!!', base64]],
    ['sendTransaction', ['A'.repeat(1648), base64]],
    ['simulateTransaction', [7]],
    ['getTransaction', ['1'.repeat(64), { commitment: 'processed' }]],
  ])('%s refuses %j with -32602', async (method, params) => {
    expect((await call(method, ...params)).error?.code).toBe(-32602);
  });

  test('a context slot of the future is refused with -32016', async () => {
    const answer = await call('getLatestBlockhash', { minContextSlot: chain.slot() + 1, commitment: 'processed' });
    expect(answer.error).toMatchObject({ code: -32016, data: { contextSlot: chain.slot() } });
  });
});

describe('sending', () => {
  test('an unknown blockhash fails preflight, and is lost silently without it', async () => {
    const key = payer();
    const wire = wireOf(transfer(key, Keypair.generate().publicKey.toBase58()));
    const { error } = await call('sendTransaction', wire, base64);
    expect(error).toMatchObject({
      code: -32002,
      message: 'Transaction simulation failed: Blockhash not found',
      data: { err: 'BlockhashNotFound', logs: [], unitsConsumed: 0 },
    });
    const { result } = await call('sendTransaction', wire, { ...base64, skipPreflight: true });
    expect(await valueOf('getSignatureStatuses', [result])).toEqual([null]);
    expect(await valueOf('getBalance', key.publicKey.toBase58(), { commitment: 'processed' })).toBe(1_000_000_000);
  });

  test('a failing instruction fails preflight, and is charged without it', async () => {
    const key = payer();
    const wire = wireOf(transfer(key, await liveBlockhash(), 5_000_000_000));
    const { error } = await call('sendTransaction', wire, base64);
    expect(error?.code).toBe(-32002);
    expect(error?.message).toBe(
      'Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1',
    );
    const err = { InstructionError: [0, { Custom: 1 }] };
    expect(error?.data?.['err']).toEqual(err);
    expect(error?.data?.['logs']).toHaveLength(3);
    const { result } = await call('sendTransaction', wire, { ...base64, skipPreflight: true });
    expect(await valueOf('getSignatureStatuses', [result])).toMatchObject([{ err, status: { Err: err } }]);
    expect(await valueOf('getBalance', key.publicKey.toBase58(), { commitment: 'processed' })).toBe(999_995_000);
    expect(chain.landedTransactions().at(-1)).toMatchObject({ signature: result, err });
  });

  test('a bad signature is refused with -32003, and lost without preflight', async () => {
    const transaction = transfer(payer(), await liveBlockhash());
    transaction.signatures[0]?.fill(7);
    const wire = wireOf(transaction);
    expect((await call('sendTransaction', wire, base64)).error?.code).toBe(-32003);
    expect((await call('simulateTransaction', wire, { ...base64, sigVerify: true })).error?.code).toBe(-32003);
    expect(await valueOf('simulateTransaction', wire, base64)).toMatchObject({ err: null });
    const { result } = await call('sendTransaction', wire, { ...base64, skipPreflight: true });
    expect(await valueOf('getSignatureStatuses', [result])).toEqual([null]);
  });

  test('a processed message is refused whatever its signatures are, also in simulation', async () => {
    const transaction = transfer(payer(), await liveBlockhash());
    const wire = wireOf(transaction);
    expect((await call('sendTransaction', wire, base64)).error).toBeUndefined();
    const landed = chain.landedTransactions().length;
    expect((await call('sendTransaction', wire, base64)).error).toMatchObject({
      code: -32002,
      data: { err: 'AlreadyProcessed' },
    });
    expect((await call('sendTransaction', wire, { ...base64, skipPreflight: true })).error).toBeUndefined();
    transaction.signatures[0]?.fill(0);
    expect(await valueOf('simulateTransaction', wireOf(transaction), base64)).toMatchObject({
      err: 'AlreadyProcessed',
    });
    expect(chain.landedTransactions()).toHaveLength(landed);
  });

  test('a payer without lamports cannot land', async () => {
    const wire = wireOf(transfer(Keypair.generate(), await liveBlockhash()));
    expect((await call('sendTransaction', wire, base64)).error?.data?.['err']).toBe('AccountNotFound');
  });
});

describe('blockhashes and commitments', () => {
  test('a blockhash lives for 150 blocks and no longer', async () => {
    const key = payer();
    const latest = (await valueOf('getLatestBlockhash', { commitment: 'processed' })) as {
      blockhash: string;
      lastValidBlockHeight: number;
    };
    const height = async () => (await call('getBlockHeight', { commitment: 'processed' })).result;
    expect(latest.lastValidBlockHeight).toBe(((await height()) as number) + 150);
    const [early, late] = [transfer(key, latest.blockhash), transfer(key, latest.blockhash)].map(wireOf);
    chain.advanceSlots(150);
    expect(await height()).toBe(latest.lastValidBlockHeight);
    expect(await valueOf('isBlockhashValid', latest.blockhash)).toBe(true);
    expect((await call('sendTransaction', early, base64)).error).toBeUndefined();
    chain.advanceSlots(1);
    expect(await valueOf('isBlockhashValid', latest.blockhash)).toBe(false);
    expect((await call('sendTransaction', late, base64)).error?.data?.['err']).toBe('BlockhashNotFound');
    expect((await call('sendTransaction', early, base64)).error?.data?.['err']).toBe('BlockhashNotFound');
    const replaced = { ...base64, replaceRecentBlockhash: true };
    expect(await valueOf('simulateTransaction', late, replaced)).toMatchObject({ err: null });
  });

  test.each(['processed', 'confirmed', 'finalized'])(
    'the latest %s blockhash is usable at once',
    async (commitment) => {
      const { blockhash } = (await valueOf('getLatestBlockhash', { commitment })) as { blockhash: string };
      const { result } = await call('sendTransaction', wireOf(transfer(payer(), blockhash)), base64);
      expect(await valueOf('getSignatureStatuses', [result])).toMatchObject([{ err: null }]);
    },
  );

  test('a transaction is processed, then confirmed, then finalized, and so are its balances', async () => {
    const key = payer();
    const { result } = await call('sendTransaction', wireOf(transfer(key, await liveBlockhash())), base64);
    const seen = async () => {
      const [status] = (await valueOf('getSignatureStatuses', [result])) as Record<string, unknown>[];
      const balance = (commitment: string) => valueOf('getBalance', key.publicKey.toBase58(), { commitment });
      const balances = [await balance('processed'), await balance('confirmed'), await balance('finalized')];
      return [status?.['confirmationStatus'], status?.['confirmations'], ...balances];
    };
    const [before, after] = [1_000_000_000, 998_995_000];
    expect(await seen()).toEqual(['processed', 0, after, before, before]);
    expect((await call('getTransaction', result, { commitment: 'confirmed' })).result).toBeNull();
    chain.advanceSlots(1);
    expect(await seen()).toEqual(['confirmed', 1, after, after, before]);
    expect((await call('getTransaction', result, { commitment: 'confirmed' })).result).toMatchObject({
      meta: { fee: 5000 },
    });
    chain.advanceSlots(29);
    expect(await seen()).toEqual(['confirmed', 30, after, after, before]);
    chain.advanceSlots(1);
    expect(await seen()).toEqual(['finalized', null, after, after, after]);
    chain.advanceSlots(400);
    expect(await valueOf('getSignatureStatuses', [result])).toEqual([null]);
    const searching = await valueOf('getSignatureStatuses', [result], { searchTransactionHistory: true });
    expect(searching).toMatchObject([{ confirmationStatus: 'finalized' }]);
  });
});

describe('transactions in history', () => {
  test('a version 0 transaction needs a client that knows the version', async () => {
    const key = payer();
    const message = new TransactionMessage({
      payerKey: key.publicKey,
      recentBlockhash: await liveBlockhash(),
      instructions: [SystemProgram.transfer({ fromPubkey: key.publicKey, toPubkey: key.publicKey, lamports: 1 })],
    });
    const transaction = new VersionedTransaction(message.compileToV0Message());
    transaction.sign([key]);
    const wire = Buffer.from(transaction.serialize()).toString('base64');
    const { result } = await call('sendTransaction', wire, base64);
    chain.advanceSlots(31);
    expect((await call('getTransaction', result)).error?.code).toBe(-32015);
    const found = await call('getTransaction', result, { ...base64, maxSupportedTransactionVersion: 0 });
    expect(found.result).toMatchObject({ version: 0, transaction: [wire, 'base64'] });
  });

  test('signatures of an address come newest first, within their bounds', async () => {
    const key = payer();
    const address = key.publicKey.toBase58();
    const signatures: unknown[] = [];
    for (let count = 0; count < 4; count += 1) {
      signatures.unshift((await call('sendTransaction', wireOf(transfer(key, await liveBlockhash())), base64)).result);
    }
    chain.advanceSlots(31);
    const listed = async (config: object) =>
      ((await call('getSignaturesForAddress', address, config)).result as { signature: string }[]).map(
        ({ signature }) => signature,
      );
    expect(await listed({})).toEqual(signatures);
    expect(await listed({ limit: 2 })).toEqual(signatures.slice(0, 2));
    expect(await listed({ before: signatures[0], until: signatures[3] })).toEqual(signatures.slice(1, 3));
  });
});

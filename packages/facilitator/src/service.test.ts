import { readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { openDatabase } from '@tollkeeper/database';
import { reasonText, reasons, faults, solanaDevnet } from '@tollkeeper/protocol';
import { sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { evmNetwork, startTestFacilitator, type TestFacilitator } from '../../../test/support/test-facilitator.js';
import { evmRequest, freshRequest, inVersion1, settle, svmRequest, verify } from '../../../test/support/wire.js';

/** What an operator may put into the address of a node, and nobody else may see. */
const rpcSecret = 'correct-horse-battery-staple';
const evmSigner = sandboxKeys.evm.facilitator.address;
const svmSigner = sandboxKeys.svm.facilitator.address;

let facilitator: TestFacilitator;
let log = '';

beforeAll(async () => {
  const destination = new PassThrough();
  destination.on('data', (chunk: Buffer) => (log += chunk.toString()));
  facilitator = await startTestFacilitator({
    log: destination,
    env: ({ evmRpc, svmRpc }) => ({
      EVM_RPC_URL: `${evmRpc}/${rpcSecret}?key=${rpcSecret}`,
      SVM_RPC_URL: `${svmRpc}/${rpcSecret}`,
    }),
  });
});
afterAll(async () => {
  await facilitator.stop();
  expect(log).not.toContain(rpcSecret);
});
afterEach(() => {
  facilitator.evmRpc.reset();
  facilitator.svmRpc.reset();
});

/** Runs `work` while the database lets nobody in. */
async function withoutDatabase<Result>(work: () => Promise<Result>): Promise<Result> {
  const { ownerUrl } = facilitator.database;
  const role = decodeURIComponent(new URL(ownerUrl).username);
  const owner = await openDatabase({ url: ownerUrl, role, poolSize: 1, onWarning: () => undefined });
  await owner.sql`UPDATE pg_database SET datallowconn = false WHERE datname = current_database()`;
  await owner.sql`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
  try {
    return await work();
  } finally {
    await owner.sql`UPDATE pg_database SET datallowconn = true WHERE datname = current_database()`;
    await owner.close();
  }
}

const get = (path: string) => fetch(`${facilitator.url()}${path}`);

describe('/supported', () => {
  test('lists every kind in both versions, and the addresses that sign', async () => {
    const { kinds, ...rest } = (await (await get('/supported')).json()) as { kinds: Record<string, unknown>[] };
    expect(kinds.map(({ x402Version, scheme, network }) => [x402Version, scheme, network])).toEqual([
      [2, 'exact', evmNetwork],
      [1, 'exact', 'base-sepolia'],
      [2, 'exact', solanaDevnet],
      [1, 'exact', 'solana-devnet'],
    ]);
    expect(kinds[2]).toMatchObject({ extra: { feePayer: svmSigner } });
    expect(kinds[3]?.['extra']).toEqual(kinds[2]?.['extra']);
    expect(rest).toEqual({ extensions: [], signers: { 'eip155:*': [evmSigner], 'solana:*': [svmSigner] } });
  });

  test('is the same at every call and after a restart, so that clients may keep it', async () => {
    const answers = [await get('/supported'), await get('/supported/')];
    await facilitator.restart();
    answers.push(await get('/supported'));
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(texts).size).toBe(1);
    for (const { status, headers } of answers) {
      expect(status).toBe(200);
      expect(headers.get('cache-control')).toBe('public, max-age=60');
      expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    }
  });

  test('asks no node and no database', async () => {
    facilitator.evmRpc.reset();
    facilitator.svmRpc.reset();
    await get('/supported');
    expect([facilitator.evmRpc.counts(), facilitator.svmRpc.counts()]).toEqual([{}, {}]);
  });
});

describe('/ready and /health', () => {
  interface Readiness {
    readonly ready: boolean;
    readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail?: string }[];
  }

  async function readiness() {
    const response = await get('/ready');
    const text = await response.text();
    expect(text).not.toContain(rpcSecret);
    const { ready, checks } = JSON.parse(text) as Readiness;
    const failed = checks.filter(({ ok }) => !ok).map(({ name, detail }) => [name, detail]);
    return { status: response.status, ready, names: checks.map(({ name }) => name), failed };
  }

  /** The process lives whatever else is away; an orchestrator that restarted it would help nobody. */
  afterEach(async () => {
    const health = await get('/health');
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
    await eventually(async () => expect(await readiness()).toMatchObject({ status: 200, ready: true, failed: [] }));
  });

  const evmChecks = [`rpc ${evmNetwork}`, `funds ${evmNetwork} ${evmSigner}`];
  const lanes = `lanes ${evmNetwork}`;
  const svmChecks = [`rpc ${solanaDevnet}`, `funds ${solanaDevnet} ${svmSigner}`];

  test('a service that can settle is ready, and says what it looked at', async () => {
    const { status, names } = await readiness();
    expect(status).toBe(200);
    const outcomes = (network: string) => `outcomes ${network}`;
    const expected = [...evmChecks, lanes, outcomes(evmNetwork), ...svmChecks, outcomes(solanaDevnet)];
    expect(names).toEqual(['database', ...expected]);
  });

  test.each([
    { family: 'EVM', other: 'Solana', proxy: () => facilitator.evmRpc, checks: evmChecks, variable: 'EVM_RPC_URL' },
    { family: 'Solana', other: 'EVM', proxy: () => facilitator.svmRpc, checks: svmChecks, variable: 'SVM_RPC_URL' },
  ] as const)(
    'without the $family node it serves $other and stays in rotation, and names what to correct',
    async ({ other, proxy, checks, variable }) => {
      const back = proxy().use(() => ({ kind: 'drop' }));
      const failed = await eventually(async () => {
        const found = await readiness();
        expect(found.failed.map(([name]) => name)).toEqual(checks);
        expect(found).toMatchObject({ status: 200, ready: true });
        return found.failed;
      });
      for (const [, detail] of failed) expect(detail).toContain(`correct ${variable}`);
      expect((await settle(facilitator.url(), await freshRequest(facilitator, other))).body).toMatchObject({
        success: true,
      });
      back();
    },
  );

  test('without any node it is not ready', async () => {
    const back = [facilitator.evmRpc, facilitator.svmRpc].map((proxy) => proxy.use(() => ({ kind: 'drop' })));
    await eventually(async () => expect(await readiness()).toMatchObject({ status: 503, ready: false }));
    for (const each of back) each();
  });

  test('a node that hangs counts as away before the probe gives up', async () => {
    const back = facilitator.evmRpc.use(() => ({ kind: 'delay', ms: 8_000 }));
    await eventually(async () => {
      const begin = Date.now();
      expect((await readiness()).failed.map(([name]) => name)).toEqual(evmChecks);
      expect(Date.now() - begin, 'sooner than the node').toBeLessThan(8_000);
    });
    back();
  });

  async function setBalance(wei: bigint): Promise<void> {
    const body = { jsonrpc: '2.0', id: 1, method: 'anvil_setBalance', params: [evmSigner, `0x${wei.toString(16)}`] };
    const headers = { 'content-type': 'application/json' };
    await fetch(facilitator.evm.url, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  test('a signer without gas money is named, with what to do', async () => {
    await setBalance(0n);
    await eventually(async () =>
      expect((await readiness()).failed).toEqual([[evmChecks[1], 'The signer cannot pay fees: send it native coin']]),
    );
    await setBalance(10n ** 18n);
  });

  test('without the database it is not ready, and names what to correct', async () => {
    const { status, failed } = await withoutDatabase(readiness);
    expect(status).toBe(503);
    expect(failed).toEqual([
      ['database', 'The database does not answer: start it, or correct DATABASE_URL'],
      [lanes, 'The database does not tell who can sign: start it, or correct DATABASE_URL'],
    ]);
  });
});

describe('/metrics', () => {
  interface Sample {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }

  async function scrape() {
    const response = await get('/metrics');
    const text = await response.text();
    const lines = text.split('\n').filter((line) => line !== '');
    const described = (word: string) =>
      new Map(lines.filter((line) => line.startsWith(`# ${word} `)).map((line) => [line.split(' ')[2] ?? '', line]));
    const samples = lines.filter((line) => !line.startsWith('#')).map(readSample);
    return { response, text, samples, help: described('HELP'), type: described('TYPE') };
  }

  function readSample(line: string): Sample {
    const [, name = '', inner = '', value] = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const labels = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text]);
    return { name, labels: Object.fromEntries(labels) as Record<string, string>, value: Number(value) };
  }

  const ours = (samples: readonly Sample[]) => samples.filter(({ name }) => name.startsWith('tollkeeper_'));
  const valueOf = (samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>>) =>
    samples.find((each) => each.name === name && Object.entries(labels).every(([l, v]) => each.labels[l] === v))?.value;

  /** How often a method was called, and how many calls were timed, whatever came of them. */
  function callsOf(samples: readonly Sample[], network: string, method: string) {
    const total = (family: string) =>
      samples
        .filter(({ name, labels }) => name === family && labels['network'] === network && labels['method'] === method)
        .reduce((sum, { value }) => sum + value, 0);
    return { counted: total('tollkeeper_rpc_calls_total'), timed: total('tollkeeper_rpc_seconds_count') };
  }

  const sends = [
    { network: evmNetwork, method: 'eth_sendRawTransaction', proxy: () => facilitator.evmRpc },
    { network: solanaDevnet, method: 'sendTransaction', proxy: () => facilitator.svmRpc },
  ] as const;

  test('count each answer, RPC call and posting by network, scheme and outcome', async () => {
    await facilitator.restart();
    for (const network of [evmNetwork, solanaDevnet]) {
      const { wallet, svm } = facilitator;
      const body =
        network === evmNetwork ? await evmRequest({ payTo: wallet.evm }) : await svmRequest(svm, { payTo: wallet.svm });
      expect((await verify(facilitator.url(), body)).body).toMatchObject({ isValid: true });
      expect((await settle(facilitator.url(), body)).body).toMatchObject({ success: true });
      const again = await settle(facilitator.url(), inVersion1(body));
      expect(again.body).toMatchObject({ errorReason: 'duplicate_settlement' });
    }
    // A caller may have its answer before the call or the commit that brought it is counted.
    const { response, text, samples } = await eventually(async () => {
      const scraped = await scrape();
      expect(valueOf(scraped.samples, 'tollkeeper_ledger_postings_total', { scope: 'effect' })).toBe(2);
      for (const { network, method, proxy } of sends) {
        // Where the machine stalls for seconds, the same bytes are sent again.
        const calls = proxy().calls(method);
        expect(callsOf(scraped.samples, network, method)).toEqual({ counted: calls, timed: calls });
        const ok = { network, method, outcome: 'ok' };
        expect(valueOf(scraped.samples, 'tollkeeper_rpc_calls_total', ok)).toBeGreaterThanOrEqual(1);
      }
      return scraped;
    });
    expect([facilitator.evmRpc.transactions(), facilitator.svmRpc.transactions()]).toEqual([1, 1]);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    for (const network of [evmNetwork, solanaDevnet]) {
      const ok = { network, scheme: 'exact', outcome: 'ok' };
      expect(valueOf(samples, 'tollkeeper_verify_total', ok)).toBe(1);
      expect(valueOf(samples, 'tollkeeper_settle_total', ok)).toBe(1);
      expect(valueOf(samples, 'tollkeeper_settle_total', { ...ok, outcome: 'duplicate_settlement' })).toBe(1);
      expect(valueOf(samples, 'tollkeeper_verify_seconds_count', ok)).toBe(1);
      expect(valueOf(samples, 'tollkeeper_settle_seconds_count', ok)).toBe(1);
      for (const state of ['claimed', 'submitted']) {
        expect(valueOf(samples, 'tollkeeper_settlements_in_flight', { network, state })).toBe(0);
      }
    }
    expect([rpcSecret, sandboxKeys.evm.buyer.address].filter((each) => text.includes(each))).toEqual([]);
  });

  test('have every family, each with its help and type', async () => {
    const { samples, help, type } = await scrape();
    for (const family of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_seconds',
    ]) {
      expect([...help.keys()], family).toContain(family);
    }
    for (const { name } of samples) {
      const family = help.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
      expect(help.get(family), name).toMatch(/^# HELP \S+ \S+/);
      expect(type.get(family), name).toMatch(/^# TYPE \S+ (counter|gauge|histogram)$/);
    }
  });

  test('are all explained to the operator, and what is explained is there', async () => {
    const { help } = await scrape();
    const shown = [...help.keys()].filter((family) => family.startsWith('tollkeeper_'));
    const page = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const explained = [...page.matchAll(/^\| `(tollkeeper_\w+)/gm)].map(([, family]) => family);
    expect(explained.toSorted()).toEqual(shown.toSorted());
  });

  test('take no label from a caller', async () => {
    const before = ours((await scrape()).samples);
    const body = await evmRequest({ payTo: facilitator.wallet.evm });
    const invented = `invented"} 1\n# of a caller`;
    const changes = [
      { network: 'eip155:99999999' },
      { network: invented },
      { scheme: invented },
      { scheme: 'upto' },
      { asset: invented },
      { payTo: invented },
      { extra: { [invented]: invented } },
      { network: `eip155:${'9'.repeat(30)}` },
    ];
    for (const change of changes) {
      const requirements = { ...body.paymentRequirements, ...change };
      const paymentPayload = { ...body.paymentPayload, accepted: requirements };
      for (const send of [verify, settle]) {
        await send(facilitator.url(), { ...body, paymentPayload, paymentRequirements: requirements });
        await send(facilitator.url(), inVersion1({ ...body, paymentPayload, paymentRequirements: requirements }));
      }
    }
    await get('/invented-path-of-a-caller');
    await fetch(`${facilitator.url()}/settle`, { method: 'PROPFIND' }).catch(() => undefined);

    const after = await scrape();
    expect(after.text.includes('invented')).toBe(false);
    const outcomes = new Set<string>([
      ...['ok', 'none', ...Object.keys(faults)],
      ...reasons.flatMap((reason) => [reasonText(reason, 1), reasonText(reason, 2)]),
    ]);
    for (const { name, labels } of ours(after.samples)) {
      expect([evmNetwork, solanaDevnet, 'none', undefined], name).toContain(labels['network']);
      expect(['exact', 'none', undefined], name).toContain(labels['scheme']);
      if (/verify|settle_/.test(name)) expect(outcomes, name).toContain(labels['outcome']);
    }
    expect(ours(after.samples).length).toBeGreaterThan(before.length);
  });

  test('show what is in flight while it is', async () => {
    const back = facilitator.evmRpc.use(({ method }) =>
      method === 'eth_sendRawTransaction' ? { kind: 'drop' } : undefined,
    );
    const answer = settle(facilitator.url(), await evmRequest({ payTo: facilitator.wallet.evm }));
    const submitted = { network: evmNetwork, state: 'submitted' };
    await expect
      .poll(async () => valueOf((await scrape()).samples, 'tollkeeper_settlements_in_flight', submitted), {
        timeout: 10_000,
      })
      .toBe(1);
    back();
    expect((await answer).body).toMatchObject({ success: true });
    expect(valueOf((await scrape()).samples, 'tollkeeper_settlements_in_flight', submitted)).toBe(0);
  });

  test('are readable although the database is away', async () => {
    const { response, samples } = await withoutDatabase(scrape);
    expect(response.status).toBe(200);
    const names = new Set(samples.map(({ name }) => name));
    expect(names).toContain('tollkeeper_settle_total');
    expect(names).not.toContain('tollkeeper_settlements_in_flight');
  });
});

import { faultOn, type RpcProxy } from '@tollkeeper/sandbox';
import type { SettleAnswer } from '@tollkeeper/protocol';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { tracesOf, withPayments } from '../support/traces.js';
import { families, freshRequest, settle, verify, type Family } from '../support/wire.js';

let facilitator: TestFacilitator;

beforeAll(async () => {
  facilitator = await startTestFacilitator();
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  facilitator.svmRpc.reset();
  expect(await facilitator.bookProblems()).toEqual([]);
});

const rpcOf = (family: Family): RpcProxy => (family === 'EVM' ? facilitator.evmRpc : facilitator.svmRpc);
const sendOf = (family: Family) => (family === 'EVM' ? 'eth_sendRawTransaction' : 'sendTransaction');

test.each(families)('that a payment on %s is spent is known without a node', async (family) => {
  const request = await freshRequest(facilitator, family);
  expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
  rpcOf(family).use(() => ({ kind: 'drop' }));
  const answer = await verify(facilitator.url(), request);
  expect(answer).toMatchObject({ status: 200, body: { isValid: false, invalidReason: 'duplicate_settlement' } });
});

test.each(families)(
  'without a node nothing is concluded about a payment on %s, and nothing is kept',
  async (family) => {
    const request = await freshRequest(facilitator, family);
    const before = await tracesOf(facilitator, family);
    const nodeIsBack = rpcOf(family).use(() => ({ kind: 'drop' }));

    for (const operation of ['verify', 'settle']) {
      const response = await post(operation, request);
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
      const body = (await response.json()) as SettleAnswer;
      expect(body).toMatchObject({ code: 'CHAIN_RPC_UNAVAILABLE', retryable: true });
      expect(body).toMatchObject(
        operation === 'verify'
          ? { isValid: false, invalidReason: 'unexpected_verify_error' }
          : {
              success: false,
              errorReason: 'unexpected_settle_error',
              transaction: '',
              network: request.paymentRequirements['network'],
            },
      );
    }
    expect(await tracesOf(facilitator, family)).toEqual(before);

    nodeIsBack();
    expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
    expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
  },
);

function post(operation: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${facilitator.url()}/${operation}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

test.each(families)('a node on %s that takes a transaction and loses its answer has taken it', async (family) => {
  const request = await freshRequest(facilitator, family);
  const before = await tracesOf(facilitator, family);
  rpcOf(family).use(faultOn(sendOf(family), { kind: 'lose-reply', afterMs: 50 }));

  expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
  expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
});

test.each(families)('a node on %s that is asked twice carries a payment out once', async (family) => {
  const request = await freshRequest(facilitator, family);
  const before = await tracesOf(facilitator, family);
  rpcOf(family).use(faultOn(sendOf(family), { kind: 'duplicate' }));

  expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
  expect(await tracesOf(facilitator, family)).toEqual(withPayments(before, 1));
});

test('a node that lies about a transaction is not believed: the same bytes are sent again', async () => {
  const requests = await Promise.all([1, 2, 3].map(() => freshRequest(facilitator, 'EVM')));
  const before = await tracesOf(facilitator, 'EVM');
  const raws = new Set<unknown>();
  facilitator.evmRpc.use(({ method, params }) => {
    if (method === 'eth_sendRawTransaction') raws.add((params as readonly unknown[])[0]);
    return undefined;
  });
  const lies = ['nonce too low', 'already known', 'replacement transaction underpriced'];
  for (const [index, message] of lies.entries()) {
    const lie = { kind: 'error', code: -32_000, message } as const;
    facilitator.evmRpc.use(faultOn('eth_sendRawTransaction', lie, [index + 1]));
  }

  const answers = await Promise.all(requests.map((request) => settle(facilitator.url(), request)));

  expect(answers.map(({ body }) => body.success)).toEqual([true, true, true]);
  expect(raws.size).toBe(3);
  const { transfers, credited, payments } = withPayments(before, 3);
  expect(await tracesOf(facilitator, 'EVM')).toMatchObject({ transfers, credited, payments });
});

test('a node that hides what it has mined for a while delays the answer and changes nothing else', async () => {
  const request = await freshRequest(facilitator, 'EVM');
  const before = await tracesOf(facilitator, 'EVM');
  facilitator.evmRpc.use(faultOn('eth_getTransactionReceipt', { kind: 'result', result: null }, [1, 2, 3]));

  expect((await settle(facilitator.url(), request)).body).toMatchObject({ success: true });
  expect(await tracesOf(facilitator, 'EVM')).toEqual(withPayments(before, 1));
});

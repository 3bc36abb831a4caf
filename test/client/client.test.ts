import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createFacilitatorClient, FacilitatorError, type FacilitatorClient } from '@tollkeeper/client';
import { sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { evmNetwork, startTestFacilitator, type TestFacilitator } from '../support/test-facilitator.js';
import { evmRequest } from '../support/wire.js';

let facilitator: TestFacilitator;
let client: FacilitatorClient;

beforeAll(async () => {
  facilitator = await startTestFacilitator({ svm: false });
  client = createFacilitatorClient({ url: facilitator.url() });
});
afterAll(() => facilitator.stop());
afterEach(async () => {
  facilitator.evmRpc.reset();
  expect(await facilitator.bookProblems()).toEqual([]);
});

const payment = () => evmRequest({ payTo: facilitator.wallet.evm });
const matching = (pattern: RegExp) => expect.stringMatching(pattern) as unknown;
const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

async function errorOf(pending: Promise<unknown>): Promise<FacilitatorError> {
  const error: unknown = await pending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof FacilitatorError) return error;
  throw new Error(`Expected a FacilitatorError, got ${String(error)}`);
}

/** Something that answers at an address without being a facilitator. */
async function startServer(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('against the service', () => {
  test('supported tells the kinds and the addresses that sign', async () => {
    const { kinds, signers } = await client.supported();
    expect(kinds.map(({ x402Version, scheme, network }) => [x402Version, scheme, network])).toEqual([
      [2, 'exact', evmNetwork],
      [1, 'exact', 'base-sepolia'],
    ]);
    expect(signers).toEqual({ 'eip155:*': [sandboxKeys.evm.facilitator.address] });
  });

  test('a payment is verified, settled, and reported with its evidence', async () => {
    const body = await payment();
    expect(await client.verify(body)).toEqual({ isValid: true, payer: sandboxKeys.evm.buyer.address });

    const settled = await client.settle(body);
    expect(settled).toMatchObject({ success: true, network: evmNetwork, amount: '10000' });

    const { transaction } = settled;
    const id = String(settled.extra?.['paymentId']);
    // The delivery of the answer and what the transaction cost are noted a moment after the answer.
    await eventually(async () => {
      const { answerDeliveredAt, attempts } = await client.payment(id);
      expect([answerDeliveredAt, attempts[0]?.feePaid]).not.toContain(null);
    });
    expect(await client.payment(id)).toEqual({
      id,
      state: 'settled',
      paymentState: 'settled',
      scheme: 'exact',
      network: evmNetwork,
      asset: body.paymentRequirements['asset'],
      amount: '10000',
      payer: sandboxKeys.evm.buyer.address,
      payTo: facilitator.wallet.evm,
      transaction,
      failure: null,
      claimedAt: matching(isoTime),
      submittedAt: matching(isoTime),
      concludedAt: matching(isoTime),
      overdue: false,
      answerDeliveredAt: matching(isoTime),
      attempts: [
        {
          transaction,
          signer: sandboxKeys.evm.facilitator.address,
          accountNonce: matching(/^\d+$/),
          signedAt: matching(isoTime),
          feePaid: matching(/^[1-9]\d*$/),
        },
      ],
      evidence: {
        transaction,
        position: matching(/^\d+$/),
        blockNumber: matching(/^\d+$/),
        blockHash: matching(/^0x[0-9a-f]{64}$/),
        credited: true,
        finality: 'confirmed',
        finalAt: null,
        reversedAt: null,
      },
    });
  });

  test('a payment that does not hold is an answer, not an error', async () => {
    const body = await payment();
    const cheaper = { ...body, paymentRequirements: { ...body.paymentRequirements, amount: '1' } };
    expect(await client.verify(cheaper)).toMatchObject({ isValid: false });
    expect(await client.settle(cheaper)).toMatchObject({ success: false, transaction: '' });
  });

  test('a request that is none has the code of the catalogue', async () => {
    for (const call of [client.verify({ a: 1 }), client.settle({ a: 1 })]) {
      const error = await errorOf(call);
      expect(error).toMatchObject({ code: 'REQUEST_MALFORMED', status: 400, retryable: false });
      expect(error.message).toContain('x402Version');
      expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test('a payment that nobody knows is not found, whatever its id looks like', async () => {
    for (const id of ['019b0000-0000-7000-8000-000000000000', '../health', 'a/b?c#d', '']) {
      const error = await errorOf(client.payment(id));
      expect(error.status).toBe(404);
      expect(error.retryable).toBe(false);
    }
  });

  test('a chain that is away is an error to retry, and the retry succeeds', async () => {
    const body = await payment();
    const restore = facilitator.evmRpc.use(() => ({ kind: 'drop' }));
    const error = await errorOf(client.verify(body));
    expect(error).toMatchObject({ code: 'CHAIN_RPC_UNAVAILABLE', status: 503, retryable: true });
    restore();
    expect(await client.verify(body)).toMatchObject({ isValid: true });
  });
});

describe('against anything else', () => {
  test('nobody at the address is an error to retry, without a status', async () => {
    const url = await startServer((request) => request.destroy());
    const error = await errorOf(createFacilitatorClient({ url }).settle({}));
    expect(error).toMatchObject({ code: 'FACILITATOR_UNREACHABLE', status: undefined, retryable: true });
    expect(error.cause).toBeInstanceOf(Error);
  });

  test('an answer that takes too long is given up', async () => {
    const url = await startServer(() => undefined);
    const error = await errorOf(createFacilitatorClient({ url, timeoutMs: 100 }).supported());
    expect(error).toMatchObject({ code: 'FACILITATOR_UNREACHABLE', retryable: true });
  });

  test('an answer that breaks off is given up', async () => {
    const url = await startServer((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"success":true');
      setTimeout(() => response.destroy(), 20);
    });
    const error = await errorOf(createFacilitatorClient({ url }).settle({}));
    expect(error).toMatchObject({ code: 'FACILITATOR_UNREACHABLE', retryable: true });
  });

  test.each([
    { status: 502, body: '<html>Bad gateway</html>', retryable: true },
    { status: 429, body: '', retryable: true },
    { status: 404, body: '{"message":"no such route"}', retryable: false },
    { status: 500, body: '{"code":"toString"}', retryable: true },
    { status: 503, body: '{"code":"A_CODE_OF_TOMORROW","retryable":false}', retryable: false },
    { status: 200, body: '<html>Welcome</html>', retryable: false },
    { status: 200, body: '[]', retryable: false },
    { status: 200, body: 'null', retryable: false },
    { status: 200, body: '{"isValid":true}', retryable: false },
  ])('status $status with $body is unreadable', async ({ status, body, retryable }) => {
    const url = await startServer((_request, response) => response.writeHead(status).end(body));
    const error = await errorOf(createFacilitatorClient({ url }).settle({}));
    expect(error).toMatchObject({ code: 'ANSWER_UNREADABLE', status, retryable });
  });
});

test('a base address may have a path and a trailing slash, and the given fetch sends the request', async () => {
  const asked: string[] = [];
  const recording: typeof fetch = (input, init) => {
    asked.push(String(input instanceof Request ? input.url : input));
    return fetch(input, init);
  };
  const url = await startServer((_request, response) => response.end('{"kinds":[]}'));
  await createFacilitatorClient({ url: `${url}/x402/`, fetch: recording }).supported();
  expect(asked).toEqual([`${url}/x402/supported`]);
});

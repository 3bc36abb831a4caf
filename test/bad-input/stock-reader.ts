import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HTTPFacilitatorClient } from '@x402/core/http';
import { SettleError, VerifyError } from '@x402/core/types';
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import { expect } from 'vitest';
import type { Operation, RawAnswer } from './raw-request.js';

/** What a stock merchant makes of an answer. */
export interface StockReading {
  readonly ok: boolean;
  readonly reason: string | undefined;
}

/** Reads answers as the published client does, which takes them only from a server: this one repeats them to it. */
export interface StockReader {
  /** Fails the test where the client would tell its merchant that the facilitator is broken. */
  read(operation: Operation, answer: RawAnswer): Promise<StockReading>;
  stop(): Promise<void>;
}

export async function startStockReader(): Promise<StockReader> {
  const answers = new Map<string, RawAnswer>();
  let lastId = 0;
  const server = createServer((incoming, response) => {
    incoming.resume();
    const id = incoming.url?.split('/')[1] ?? '';
    const answer = answers.get(id);
    answers.delete(id);
    response.writeHead(answer?.status ?? 500, { 'content-type': answer?.headers['content-type'] ?? '' });
    response.end(answer?.text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    async read(operation, answer) {
      const id = (lastId += 1).toString();
      answers.set(id, answer);
      const client = new HTTPFacilitatorClient({ url: `http://127.0.0.1:${port}/${id}` });
      return operation === 'verify' ? readVerify(client) : readSettle(client, answer);
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const payload = { x402Version: 2 } as PaymentPayload;
const requirements = {} as PaymentRequirements;

async function readVerify(client: HTTPFacilitatorClient): Promise<StockReading> {
  try {
    const { isValid, invalidReason } = await client.verify(payload, requirements);
    return { ok: isValid, reason: invalidReason };
  } catch (error) {
    if (!(error instanceof VerifyError)) throw error;
    return { ok: false, reason: error.invalidReason };
  }
}

async function readSettle(client: HTTPFacilitatorClient, answer: RawAnswer): Promise<StockReading> {
  // The client reads a refusal with an HTTP error without its schema, so that the two fields are held here in every case.
  expect(JSON.parse(answer.text)).toMatchObject({
    transaction: expect.any(String) as unknown,
    network: expect.any(String) as unknown,
  });
  try {
    const { success, errorReason } = await client.settle(payload, requirements);
    return { ok: success, reason: errorReason };
  } catch (error) {
    if (!(error instanceof SettleError)) throw error;
    return { ok: false, reason: error.errorReason };
  }
}

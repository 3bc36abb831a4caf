import { randomUUID } from 'node:crypto';
import { composeTenants, createLogger } from '@tollkeeper/facilitator';
import { expect } from 'vitest';
import { eventually } from '../support/eventually.js';
import {
  startTestFacilitator,
  type TestFacilitator,
  type TestFacilitatorOptions,
} from '../support/test-facilitator.js';

type Json = Record<string, unknown>;

/** One answer of the API. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Json;
}

/** A merchant with a key that may do everything. */
export interface TestMerchant {
  readonly id: string;
  call(method: string, path: string, body?: Json, headers?: Record<string, string>): Promise<Answered>;
  /** Makes a wallet and waits until it can receive everywhere. */
  wallet(name: string): Promise<TestWallet>;
}

export interface TestWallet {
  readonly id: string;
  readonly evm: string;
  readonly svm: string;
}

export interface MerchantScene {
  readonly facilitator: TestFacilitator;
  merchant(name: string): Promise<TestMerchant>;
  stop(): Promise<void>;
}

/** A facilitator on real chains with merchants that call its API over HTTP. */
export async function startMerchantScene(options: TestFacilitatorOptions = {}): Promise<MerchantScene> {
  const facilitator = await startTestFacilitator(options);
  const { tenants, close } = await composeTenants(facilitator.config, createLogger({ level: 'silent' }));

  async function merchant(name: string): Promise<TestMerchant> {
    const { id } = await tenants.createMerchant(name);
    const permissions = ['read', 'write', 'withdraw', 'approve', 'admin'] as const;
    const { secret } = await tenants.createKey({ merchant: name, name: 'test', permissions, expiresAt: null });

    const call: TestMerchant['call'] = async (method, path, body, headers = {}) => {
      const response = await fetch(`${facilitator.url()}${path}`, {
        method,
        headers: {
          'x-api-key': secret,
          ...(method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') ?? false;
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: isJson ? (JSON.parse(text) as Json) : {},
      };
    };

    async function wallet(walletName: string): Promise<TestWallet> {
      const created = await call('POST', '/v1/wallets', { name: walletName });
      expect(created.status, created.text).toBe(201);
      return eventually(async () => {
        const { body } = await call('GET', `/v1/wallets/${String(created.body['id'])}`);
        const addresses = body['addresses'] as readonly { network: string; address: string; ready: boolean }[];
        expect(addresses.every(({ ready }) => ready)).toBe(true);
        const on = (family: string) => addresses.find(({ network }) => network.startsWith(family))?.address ?? '';
        return { id: String(body['id']), evm: on('eip155:'), svm: on('solana:') };
      });
    }
    return { id, call, wallet };
  }

  return {
    facilitator,
    merchant,
    async stop() {
      await close();
      await facilitator.stop();
    },
  };
}

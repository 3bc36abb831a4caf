import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { composeService, composeTenants, createLogger } from '@tollkeeper/facilitator';
import { expect } from 'vitest';
import { configOf } from '../../support/test-facilitator.js';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One answer of the API. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

/** A merchant of the test, with a key that may do everything. */
export interface TestTenant {
  readonly id: string;
  readonly name: string;
  readonly keyId: string;
  readonly secret: string;
}

interface CallOptions {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const everyPermission = ['read', 'write', 'withdraw', 'approve', 'admin'] as const;

export type TenantService = Awaited<ReturnType<typeof startTenantService>>;

/** The service on a database of its own and on no chain, called without a socket. */
export async function startTenantService() {
  const undescribed: string[] = [];
  const dataDir = await mkdtemp(join(tmpdir(), 'tollkeeper-tenants-'));
  const database: TestDatabase = await createTestDatabase();
  const config = configOf({ ENVIRONMENT: 'development', DATA_DIR: dataDir, DATABASE_URL: database.url });
  const log = createLogger({ level: 'warn', destination: createUndescribedAnswers(undescribed) });
  const [service, administration] = await Promise.all([composeService(config, log), composeTenants(config, log)]);
  const { tenants } = administration;
  let made = 0;

  async function createTenant(name = `merchant ${(made += 1)}`): Promise<TestTenant> {
    const { id } = await tenants.createMerchant(name);
    const key = await tenants.createKey({
      merchant: name,
      name: 'first',
      permissions: everyPermission,
      expiresAt: null,
    });
    return { id, name, keyId: key.id, secret: key.secret };
  }

  async function call(method: Method, path: string, options: CallOptions = {}): Promise<Answered> {
    const response = await service.app.inject({
      method,
      url: path,
      headers: { ...(options.key === undefined ? {} : { 'x-api-key': options.key }), ...options.headers },
      ...(options.body === undefined ? {} : { payload: options.body as object }),
    });
    const text = response.body;
    const isJson = String(response.headers['content-type']).includes('json');
    return {
      status: response.statusCode,
      headers: response.headers,
      text,
      body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
    };
  }

  return {
    config,
    routes: service.v1Routes,
    app: service.app,
    database,
    tenants,
    createTenant,
    call,
    async stop() {
      await Promise.all([service.close(), administration.close()]);
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
      expect(undescribed).toEqual([]);
    },
  };
}

/** Collects from the log what routes answered and their definitions do not name. */
function createUndescribedAnswers(found: string[]): Writable {
  return new Writable({
    write(line: Buffer, _encoding, done) {
      const { msg, route, code } = JSON.parse(line.toString()) as Record<string, string>;
      if (msg === 'an answer is missing in the documentation') found.push(`${route ?? ''}: ${code ?? ''}`);
      done();
    },
  });
}

import { Writable } from 'node:stream';
import { composeService, createLogger } from '@tollkeeper/facilitator';
import { sandboxKeys } from '@tollkeeper/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configOf, evmVariables, svmVariables } from '../support/test-facilitator.js';
import { families, freshRequest, inVersion1, type WireRequest } from '../support/wire.js';
import { changed } from './changed.js';
import { startHostileSetup, type HostileSetup } from './hostile-setup.js';
import { operations } from './raw-request.js';

/** Nothing secret leaves the process: not in an answer, not in a log line, not in a metric. */

const rpcUser = 'rpc-user-5e1f';
const rpcPassword = 'hunter2-9a7c';
const apiKey = 'api-key-4d3b';
const databasePassword = 'postgres-password-8c6d';

let setup: HostileSetup;
let log = '';
let said = '';
const sent: WireRequest[] = [];

beforeAll(async () => {
  setup = await startHostileSetup({
    log: sink(),
    env: ({ evmRpc, svmRpc }) => ({
      EVM_RPC_URL: evmRpc.replace('://', `://${rpcUser}:${rpcPassword}@`),
      SVM_RPC_URL: `${svmRpc}/?api-key=${apiKey}`,
    }),
  });
});
afterAll(() => setup.stop());

function sink(): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
}

/** Sends a request to both endpoints and keeps what they said. */
async function say(request: WireRequest): Promise<readonly number[]> {
  sent.push(request);
  const statuses = [];
  for (const operation of operations) {
    const answer = await setup.send({ path: `/${operation}`, body: JSON.stringify(request) });
    said += answer.text;
    statuses.push(answer.status);
  }
  return statuses;
}

async function scrape(): Promise<void> {
  for (const path of ['/metrics', '/ready', '/supported', '/health']) {
    said += (await setup.send({ method: 'GET', path, headers: {} })).text;
  }
}

test('payments that succeed, repeat and fail are answered', async () => {
  for (const family of families) {
    const paid = await freshRequest(setup.facilitator, family);
    const broke = await setup.unfunded(family);
    for (const request of [paid, paid, inVersion1(paid), broke, inVersion1(broke)]) {
      expect(await say(request)).toEqual([200, 200]);
    }
    expect(await say(changed(broke, ['paymentRequirements', 'payTo'], 7) as WireRequest)).toEqual([400, 400]);
  }
  await scrape();
});

test('nodes that refuse, answer nonsense or are gone are our trouble, not a verdict', async () => {
  const { evmRpc, svmRpc } = setup.facilitator;
  for (const family of families) {
    const node = family === 'EVM' ? evmRpc : svmRpc;
    const message = `bad key for https://${rpcUser}:${rpcPassword}@node.example/${apiKey}`;
    node.use(() => ({ kind: 'error', code: -32_000, message }));
    expect(await say(await setup.unfunded(family))).toEqual([503, 503]);
    node.reset();
    node.use(() => ({ kind: 'http-status', status: 401 }));
    expect(await say(await setup.unfunded(family))).toEqual([503, 503]);
    node.reset();
    await node.stop();
  }
  for (const family of families) expect(await say(await setup.unfunded(family))).toEqual([503, 503]);
  await scrape();
  expect(said).toContain('unexpected_settle_error');
});

test('a database that is gone is our trouble too', async () => {
  const request = await setup.unfunded('EVM');
  await setup.facilitator.database.drop();
  expect(await say(request)).toEqual([503, 503]);
  await scrape();
});

const nowhere = `http://${rpcUser}:${rpcPassword}@127.0.0.1:1/${apiKey}`;
const database = { DATABASE_URL: process.env['TEST_DATABASE_URL'] ?? '' };

test.each<Record<string, string>>([
  { ...database, ...evmVariables(nowhere) },
  { ...database, ...svmVariables(nowhere) },
  { ...evmVariables(nowhere), DATABASE_URL: `postgres://tollkeeper:${databasePassword}@127.0.0.1:1/tollkeeper` },
])('a service that cannot start says why without its secrets', async (variables) => {
  const config = configOf({ ENVIRONMENT: 'development', ...variables });
  const logger = createLogger({ level: 'trace', destination: sink() });
  const error: unknown = await composeService(config, logger).then(
    () => expect.fail('it started'),
    (reason: unknown) => reason,
  );
  logger.fatal({ err: error }, 'could not start');
  logger.info({ config }, 'configuration');
});

test('none of it was said or logged', () => {
  expect(log).toContain('request answered');
  expect(log).toContain('request failed');
  expect(log.match(/could not start/g)).toHaveLength(3);
  const { evm, svm } = sandboxKeys;
  const secrets = [
    ...[rpcUser, rpcPassword, apiKey, databasePassword],
    ...[Buffer.from(`${rpcUser}:${rpcPassword}`).toString('base64'), encodeURIComponent(rpcPassword)],
    ...[evm.facilitator.privateKey.slice(2), svm.facilitator.privateKeyBase58],
    Buffer.from(svm.facilitator.seed).toString('hex'),
    new URL(setup.facilitator.database.url).password,
    ...sent.flatMap(signaturesOf),
  ].filter((secret) => secret !== '');
  expect(secrets.length).toBeGreaterThan(20);
  for (const secret of secrets) {
    expect(log.includes(secret), `the log has ${secret}`).toBe(false);
    expect(said.includes(secret), `an answer has ${secret}`).toBe(false);
  }
});

/** What the payers signed with. The fee payer's own signature is not among it: it is the public id of the transaction. */
function signaturesOf({ paymentPayload: { payload } }: WireRequest): string[] {
  if (typeof payload['signature'] === 'string') return [payload['signature'].slice(2)];
  return [payload['transaction'] as string];
}

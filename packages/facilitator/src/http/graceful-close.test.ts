import { connect } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorHandling } from './errors.js';
import { gracefulClose } from './graceful-close.js';

const settleHead = 'POST /settle HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n';

let app: FastifyInstance;
let answerNow: (body: string) => void;
let asked: Promise<void>;

beforeEach(() => {
  app = fastify({ forceCloseConnections: 'idle', return503OnClosing: false });
  void app.register(errorHandling);
  void app.register(gracefulClose, { answerMs: 3_000 });
  asked = new Promise((resolveAsked) => {
    app.post('/settle', { config: { operation: 'settle' } }, () => expect.fail('the service has stopped'));
    app.get('/slow', () => {
      resolveAsked();
      return new Promise<string>((resolve) => (answerNow = resolve));
    });
  });
});
afterEach(() => app.close());

test.each([
  ['says nothing', ''],
  ['stops in the middle of a request', 'GET /slow HTTP/1.1\r\nhost: x\r\n'],
  ['stops in the middle of a body', `${settleHead}{`],
])('a connection that %s does not hold a stop up', { timeout: 10_000 }, async (_what, bytes) => {
  const port = await listen();
  const socket = connect(port, '127.0.0.1');
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  const arrived = new Promise((resolve) => app.server.once('connection', (at) => at.once('data', resolve)));
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write(bytes);
  if (bytes !== '') await arrived;

  await app.close();
  await ended;
});

test('a client that does not read its answer does not hold a stop up for ever', { timeout: 10_000 }, async () => {
  const socket = connect(await listen(), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
  await asked;
  const closed = app.close();
  await expect.poll(() => app.server.listening).toBe(false);
  // More than the operating system keeps for a client.
  answerNow('x'.repeat(50_000_000));
  await closed;
  socket.destroy();
});

test('a request under way is answered before the stop ends', { timeout: 10_000 }, async () => {
  const port = await listen();
  const answer = fetch(`http://127.0.0.1:${port}/slow`);
  await asked;
  const closed = app.close();
  // Longer than connections without a request are left in peace.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  answerNow('at last');
  const last = await answer;
  expect(await last.text()).toBe('at last');
  expect(last.headers.get('connection')).toBe('close');
  await closed;
});

test('a request that arrives while the service stops is told to ask again', { timeout: 10_000 }, async () => {
  const socket = connect(await listen(), '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  const ended = new Promise((resolve) => socket.once('close', resolve));
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  const closed = app.close();
  socket.write(`${settleHead}{}`);
  await Promise.all([closed, ended]);

  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1.1 503 /);
  expect(head).toMatch(/^connection: close$/im);
  expect(head).toMatch(/^retry-after: 1$/im);
  expect(JSON.parse(body)).toMatchObject({
    success: false,
    errorReason: 'unexpected_settle_error',
    transaction: '',
    code: 'SHUTTING_DOWN',
    retryable: true,
  });
});

async function listen(): Promise<number> {
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
}

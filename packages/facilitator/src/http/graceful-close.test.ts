import { connect } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorHandling } from './errors.js';
import { gracefulClose } from './graceful-close.js';

let app: FastifyInstance;
let answerNow: () => void;
let asked: Promise<void>;

beforeEach(() => {
  app = fastify({ forceCloseConnections: 'idle', return503OnClosing: false });
  void app.register(errorHandling);
  void app.register(gracefulClose);
  asked = new Promise((resolveAsked) => {
    app.post('/settle', { config: { operation: 'settle' } }, () => expect.fail('the service has stopped'));
    app.get('/slow', async () => {
      resolveAsked();
      await new Promise<void>((resolve) => (answerNow = resolve));
      return 'at last';
    });
  });
});
afterEach(() => app.close());

test.each([
  ['says nothing', ''],
  ['stops in the middle of a request', 'GET /slow HTTP/1.1\r\nhost: x\r\n'],
])('a connection that %s does not hold a stop up', { timeout: 10_000 }, async (_what, bytes) => {
  const port = await listen();
  const socket = connect(port, '127.0.0.1');
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write(bytes);

  await app.close();
  await ended;
});

test('a request under way is answered before the stop ends', { timeout: 10_000 }, async () => {
  const port = await listen();
  const answer = fetch(`http://127.0.0.1:${port}/slow`);
  await asked;
  const closed = app.close();
  // Longer than connections without a request are left in peace.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  answerNow();
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
  socket.write('POST /settle HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}');
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

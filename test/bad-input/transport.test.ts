import { createConnection } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHostileSetup, type HostileSetup } from './hostile-setup.js';
import { json, operations, type RawRequest } from './raw-request.js';

/** What can be wrong with a request before anybody asks what is in it. */

let setup: HostileSetup;
let validBody: string;

beforeAll(async () => {
  setup = await startHostileSetup();
  validBody = JSON.stringify(await setup.unfunded('EVM'));
});
afterAll(async () => {
  await setup.expectNothingSpent();
  await setup.stop();
});

/** Replaces the innermost value by one that nests so deep. */
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const nestedArrays = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const withExtra = (extra: string) => validBody.replaceAll('"extra":{', `"extra":{${extra},`);

const malformed: Readonly<Record<string, () => RawRequest['body']>> = {
  'an empty body': () => '',
  'white space': () => '  \n ',
  'an open brace': () => '{',
  'a cut body': () => validBody.slice(0, -1),
  'two bodies': () => `${validBody}${validBody}`,
  'a trailing comma': () => `${validBody.slice(0, -1)},}`,
  'single quotes': () => validBody.replaceAll('"', "'"),
  'a comment': () => `/* hello */${validBody}`,
  NaN: () => validBody.replace('"10000"', 'NaN'),
  Infinity: () => validBody.replace('"10000"', '-Infinity'),
  'a hexadecimal number': () => validBody.replace('"10000"', '0x2710'),
  'an amount that is a number': () => validBody.replaceAll('"10000"', '10000'),
  'an amount with an exponent': () => validBody.replaceAll('"10000"', '1e4'),
  'an amount that no double holds': () => validBody.replaceAll('"10000"', '9007199254740993'),
  'an amount that overflows': () => validBody.replaceAll('"10000"', '1e400'),
  'a plain string': () => '"hello"',
  'a plain number': () => '42',
  null: () => 'null',
  true: () => 'true',
  'an array': () => `[${validBody}]`,
  'an empty object': () => '{}',
  'a raw NUL byte': () => validBody.replace('exact', 'ex\u0000act'),
  'bytes that are no UTF-8': () =>
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('"}')]),
  'UTF-16': () => Buffer.from(validBody, 'utf16le'),
  'a gzip stream': () => gzipSync(validBody),
  '__proto__ at the top': () => validBody.replace('{', '{"__proto__":{"x402Version":2},'),
  '__proto__ within': () => withExtra('"__proto__":{"name":"USDC"}'),
  'constructor.prototype': () => withExtra('"constructor":{"prototype":{"polluted":true}}'),
  '17 levels': () => withExtra(`"deep":${nested(16)}`),
  '64 levels': () => withExtra(`"deep":${nested(64)}`),
  '64 levels of arrays': () => withExtra(`"deep":${nestedArrays(64)}`),
  '30,000 levels of nothing else': () => nestedArrays(30_000),
};

describe.each(operations)('%s', (operation) => {
  test.each(Object.keys(malformed))('%s is answered 400 in the words of the protocol', async (name) => {
    const answer = await setup.send({ path: `/${operation}`, body: malformed[name]?.() ?? '' });
    expect(await setup.read(operation, answer)).toEqual({ status: 400, ok: false, reason: 'invalid_payload' });
    expect(answer.text).not.toContain('prototype');
    expect(answer.cpuMs).toBeLessThan(1_000);
  });

  test.each([
    ['no content type', {}, 415],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['XML', { 'content-type': 'application/xml' }, 415],
    ['a content type that is none', { 'content-type': ';;;' }, 415],
    ['plain text', { 'content-type': 'text/plain' }, 400],
  ])('%s is refused', async (_name, headers, status) => {
    const answer = await setup.send({ path: `/${operation}`, headers, body: validBody });
    expect(await setup.read(operation, answer)).toEqual({ status, ok: false, reason: 'invalid_payload' });
  });

  test('a compressed body is refused, not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
    const headers = { ...json, 'content-encoding': 'gzip' };
    const answer = await setup.send({ path: `/${operation}`, headers, body: bomb });
    expect(await setup.read(operation, answer)).toMatchObject({ ok: false, reason: 'invalid_payload' });
    expect([400, 413, 415]).toContain(answer.status);
    expect(answer.cpuMs).toBeLessThan(1_000);
  });

  test.each(['with its length', 'in chunks'])('a body of 1 MB %s is answered 413 at once', async (how) => {
    const body = `{"padding":"${'x'.repeat(1_000_000)}"}`;
    const length = how === 'in chunks' ? { 'transfer-encoding': 'chunked' } : { 'content-length': `${body.length}` };
    const answer = await setup.send({ path: `/${operation}`, headers: { ...json, ...length }, body });
    expect(await setup.read(operation, answer)).toEqual({ status: 413, ok: false, reason: 'invalid_payload' });
    expect(answer.cpuMs).toBeLessThan(1_000);
  });

  test('a body of just under 64 KiB is read', async () => {
    const body = withExtra(`"padding":"${'x'.repeat((65_000 - validBody.length) / 2)}"`);
    const answer = await setup.send({ path: `/${operation}`, body });
    const reason = 'invalid_exact_evm_insufficient_balance';
    expect(await setup.read(operation, answer)).toEqual({ status: 200, ok: false, reason });
  });

  test('of a key that stands twice, the last value counts, for every check alike', async () => {
    const body = validBody.replaceAll('"amount":"10000"', '"amount":"1","amount":"10000"');
    const last = await setup.read(operation, await setup.send({ path: `/${operation}`, body }));
    expect(last.reason).toBe('invalid_exact_evm_insufficient_balance');
    const swapped = validBody.replaceAll('"amount":"10000"', '"amount":"10000","amount":"1"');
    const other = await setup.read(operation, await setup.send({ path: `/${operation}`, body: swapped }));
    expect(other.reason).toBe('invalid_exact_evm_payload_authorization_value_mismatch');
  });

  test('a byte order mark and a charset do no harm', async () => {
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    const answer = await setup.send({ path: `/${operation}`, headers, body: `\uFEFF${validBody}` });
    expect((await setup.read(operation, answer)).reason).toBe('invalid_exact_evm_insufficient_balance');
  });
});

test.each([
  ['GET', '/verify', 404],
  ['GET', '/settle', 404],
  ['PUT', '/settle', 404],
  ['DELETE', '/settle', 404],
  ['PATCH', '/verify', 404],
  ['OPTIONS', '/settle', 404],
  ['POST', '/supported', 404],
  ['POST', '/health', 404],
  ['GET', '/', 404],
  ['GET', '/nothing/here', 404],
  ['GET', '/..%2f..%2fetc/passwd', 404],
  ['GET', '/%', 404],
  ['GET', '/payments/%ff', 404],
  ['GET', '/payments/', 404],
  ['GET', '/payments/1', 404],
  ['GET', `/payments/${'a'.repeat(5_000)}`, 404],
  ['GET', "/payments/'; DROP TABLE payment; --", 404],
  ['GET', '/payments/00000000-0000-0000-0000-000000000000', 404],
  ['GET', '/payments/__proto__', 404],
])('%s %s is answered %i with a problem', async (method, path, status) => {
  const answer = await setup.send({ method, path: path.replaceAll(' ', '%20'), headers: {} });
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/(problem\+)?json/);
  expect(JSON.parse(answer.text)).toMatchObject({ status, code: expect.any(String) as unknown });
});

test('headers of 64 KB are refused', async () => {
  const headers = { ...json, 'x-padding': 'x'.repeat(65_536) };
  const answer = await setup.send({ path: '/settle', headers, body: validBody });
  expect(answer.status).toBe(431);
});

test.each([
  'hello\r\n\r\n',
  'POST /settle HTTP/9.9\r\n\r\n',
  `POST /settle HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n`,
])('bytes that are no HTTP are answered 400: %j', async (bytes) => {
  expect(await sendBytes(bytes)).toMatch(/^HTTP\/1\.1 400 /);
});

test('after all that, the service answers as before', async () => {
  expect((await setup.send({ method: 'GET', path: '/health', headers: {} })).status).toBe(200);
  expect(Object.prototype).not.toHaveProperty('polluted');
});

function sendBytes(bytes: string): Promise<string> {
  const { hostname, port } = new URL(setup.url());
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = createConnection({ host: hostname, port: Number(port) }, () => socket.write(bytes));
    socket.setTimeout(20_000, () => socket.destroy());
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('close', () => {
      resolve(text);
    });
    socket.on('error', reject);
  });
}

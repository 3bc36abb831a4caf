import { AbiCoder } from 'ethers';
import { describe, expect, test } from 'vitest';
import {
  isAlreadyKnown,
  isEndpointRefusal,
  isExecutionFailure,
  revertReason,
  RpcError,
  shortText,
} from './rpc-error.js';

const error = (message: string, options: { code?: number; data?: unknown } = {}) =>
  new RpcError({ code: -32000, message, ...options });
const errorString = (text: string) => `0x08c379a0${AbiCoder.defaultAbiCoder().encode(['string'], [text]).slice(2)}`;

describe('what nodes say', () => {
  test.each(['already known', 'AlreadyKnown', 'known transaction: 0xabc', 'transaction already imported'])(
    '"%s" means that the node has it',
    (message) => {
      expect(isAlreadyKnown(error(message))).toBe(true);
    },
  );

  test.each([
    'nonce too low',
    'replacement transaction underpriced',
    'insufficient funds for gas * price + value',
    'unknown transaction type',
  ])('"%s" does not say that the node has it, nor that a contract failed', (message) => {
    expect(isAlreadyKnown(error(message))).toBe(false);
    expect(isExecutionFailure(error(message))).toBe(false);
  });

  test.each([
    error('execution reverted: FiatTokenV2: invalid signature', { code: 3 }),
    error('VM Exception while processing transaction: revert'),
    error('out of gas'),
    error('EVM error: OutOfGas'),
    error('gas required exceeds allowance (300000)'),
    error('call failed', { data: errorString('no') }),
    error('call failed', { data: { data: errorString('no') } }),
  ])('$message means that the call ran and failed', (failure) => {
    expect(isExecutionFailure(failure)).toBe(true);
  });

  test.each([
    error('the method eth_call does not exist', { code: -32601 }),
    error('limit exceeded', { code: -32005 }),
    error('header not found'),
    error('Internal error', { code: -32603 }),
  ])('$message says nothing about the call', (failure) => {
    expect(isExecutionFailure(failure)).toBe(false);
  });
});

describe('an endpoint', () => {
  const quota = 'daily request count exceeded, request rate limited';

  test.each([
    error(quota, { code: -32005 }),
    error('project ID request rate exceeded', { code: -32005 }),
    error('limit exceeded', { code: -32005 }),
    error('Your app has exceeded its compute units per second capacity', { code: 429 }),
    error('Monthly capacity limit exceeded', { code: 429 }),
    error('50/second request limit reached - reduce calls per second', { code: -32007 }),
    error('credits limited to 6000/sec', { code: -32012 }),
    error("You've exceeded the RPS limit available on the current plan.", { code: -32005 }),
    error("You've reached the usage limit for your current plan.", { code: -32001 }),
    error('over rate limit', { code: -32016 }),
    error('Rate limit exceeded', { code: -32029 }),
    error('too many requests'),
  ])('that says $message serves nobody', (refusal) => {
    expect(isEndpointRefusal(refusal, 'eth_call')).toBe(true);
  });

  test.each([
    error('execution reverted: rate limit exceeded', { code: 3, data: errorString('rate limit exceeded') }),
    error(`VM Exception while processing transaction: revert ${quota}`),
    error(quota, { data: errorString(quota) }),
    error('Transaction gas limit exceeds block gas limit', { code: -32005 }),
    error('gas required exceeds allowance (300000)'),
    error('nonce too low'),
    error('txpool is full'),
    error('header not found'),
    error('the method eth_call does not exist', { code: -32601 }),
    error('Internal error', { code: -32603 }),
  ])('that says $message has answered', (refusal) => {
    expect(isEndpointRefusal(refusal, 'eth_call')).toBe(false);
  });

  test.each([
    ['limit exceeded', false],
    ['query returned more than 10000 results', false],
    ['Requested range exceeds maximum RPC range limit', false],
    [quota, true],
  ])('that answers a search for logs with "%s": it serves nobody is %s', (message, refuses) => {
    expect(isEndpointRefusal(error(message, { code: -32005 }), 'eth_getLogs')).toBe(refuses);
  });
});

describe('the words of a contract', () => {
  test.each([
    [errorString('ERC20: transfer amount exceeds balance'), 'ERC20: transfer amount exceeds balance'],
    [`0x4e487b71${'0'.repeat(62)}11`, 'panic 17'],
    ['0xe450d38c', 'custom error 0xe450d38c'],
    [`0x08c379a0${'ff'.repeat(40)}`, undefined],
    ['0x', undefined],
    [undefined, undefined],
  ])('%s reads as %s', (data, reason) => {
    expect(revertReason(error('execution reverted', { data }))).toBe(reason);
  });

  test('are cut and cleaned before anyone sees them', () => {
    const reason = revertReason(
      error('', { data: errorString(`\n\u202eevil\u0000 https://node/key ${'x'.repeat(500)}`) }),
    );
    expect(reason).toMatch(/^[\x20-\x7e]{1,120}$/);
    expect(reason).not.toContain('https://');
  });
});

test('a refusal fit for a log has no address of a server and is short', () => {
  const text = shortText(error(`upstream https://rpc.example/v2/s3cret failed\n${'x'.repeat(1000)}`));
  expect(text).not.toContain('s3cret');
  expect(text.length).toBeLessThan(200);
});

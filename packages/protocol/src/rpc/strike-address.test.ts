import { expect, test } from 'vitest';
import { createAddressStriking } from './strike-address.js';

const address = 'https://us%40er:p%2Bss@rpc.example.org:8545/v3/0123456789abcdef?apikey=s3cr.t%2F1&x=1';
const strike = createAddressStriking(address);

test.each([
  ['Post rpc.example.org:8545/v3/0123456789abcdef: dial tcp', 'Post (address)/v3/(address): dial tcp'],
  ['lookup RPC.example.org on 10.0.0.1: no such host', 'lookup (address) on 10.0.0.1: no such host'],
  ['project id 0123456789ABCDEF is unknown', 'project id (address) is unknown'],
  ['key s3cr.t/1 (s3cr.t%2F1) is spent', 'key (address) ((address)) is spent'],
  ['us@er, us%40er, p+ss and p%2Bss', '(address), (address), (address) and (address)'],
  ['execution reverted: v3 has 1 of 8545', 'execution reverted: v3 has 1 of 8545'],
  ['rpcXexample.org is s3crXt/1', 'rpcXexample.org is s3crXt/1'],
])('%s reads as %s', (text, struck) => {
  expect(strike(text)).toBe(struck);
});

test('an address without secrets takes no word out of a message', () => {
  const text = 'execution reverted at /';
  expect(createAddressStriking('http://execution/')(text)).toBe(text);
  expect(createAddressStriking('http://execution:8545/?a&b=')(`${text} execution:8545`)).toBe(`${text} (address)`);
});

test('a host that is an IPv6 address, and a key that is no good percent-encoding, are struck', () => {
  expect(createAddressStriking('http://[::1]:8545/%zz-secret')('[::1]:8545 %zz-secret')).toBe('(address) (address)');
});

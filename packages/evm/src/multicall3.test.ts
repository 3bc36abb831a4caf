import { multicall3Abi } from '@tollkeeper/sandbox';
import fc from 'fast-check';
import { bytesToHex, encodeFunctionData, getAddress } from 'viem';
import { expect, test } from 'vitest';
import { decodeAggregate3, encodeAggregate3 } from './multicall3.js';

const bytes = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((value) => bytesToHex(value));
const call = fc.record({ to: bytes(20, 20).map((address) => getAddress(address)), data: bytes(0, 300) });

test('calls are written as viem writes them, and read again', () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 12 }), (calls) => {
      const encoded = encodeAggregate3(calls);
      const args = [calls.map(({ to, data }) => ({ target: to, allowFailure: true, callData: data }))] as const;
      expect(encoded).toBe(encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args }));
      expect(decodeAggregate3(encoded)).toEqual(calls.map(({ to, data }) => ({ to: to.toLowerCase(), data })));
    }),
  );
});

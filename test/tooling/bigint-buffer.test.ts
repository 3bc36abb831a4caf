import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { repositoryRoot } from './planted-repository.js';

interface BigintBuffer {
  readonly toBigIntBE: (bytes: Uint8Array) => bigint;
  readonly toBigIntLE: (bytes: Uint8Array) => bigint;
  readonly toBufferBE: (value: bigint, width: number) => Buffer;
  readonly toBufferLE: (value: bigint, width: number) => Buffer;
}

const { toBigIntBE, toBigIntLE, toBufferBE, toBufferLE } = createRequire(import.meta.url)(
  'bigint-buffer',
) as BigintBuffer;

describe('what stands in for bigint-buffer', () => {
  test('writes and reads 8 bytes as node does', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        const expected = Buffer.alloc(8);
        expected.writeBigUInt64LE(value);
        expect(toBufferLE(value, 8)).toEqual(expected);
        expect(toBigIntLE(expected)).toBe(value);
        expected.writeBigUInt64BE(value);
        expect(toBufferBE(value, 8)).toEqual(expected);
        expect(toBigIntBE(expected)).toBe(value);
      }),
    );
  });

  test('reads back what it wrote in any width, and leaves its input alone', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 32 }), (bytes) => {
        const before = Uint8Array.from(bytes);
        expect(toBufferLE(toBigIntLE(bytes), bytes.length)).toEqual(Buffer.from(before));
        expect(toBufferBE(toBigIntBE(bytes), bytes.length)).toEqual(Buffer.from(before));
        expect(bytes).toEqual(before);
      }),
    );
  });

  test('no bytes are zero', () => {
    expect([toBigIntLE(new Uint8Array()), toBigIntBE(new Uint8Array())]).toEqual([0n, 0n]);
  });

  test.each([2n ** 64n, -1n])('refuses %s, which 8 bytes cannot hold', (value) => {
    expect(() => toBufferLE(value, 8)).toThrow(RangeError);
    expect(() => toBufferBE(value, 8)).toThrow(RangeError);
  });

  test('the Solana libraries load it, and nothing is printed', async () => {
    const code = "import('@solana/spl-token').then(({ AccountLayout }) => console.log(AccountLayout.span))";
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', code], { cwd: repositoryRoot });
    expect({ stdout, stderr }).toEqual({ stdout: '165\n', stderr: '' });
  });
});

import { createHash, randomBytes } from 'node:crypto';
import { computeAddress, hexlify } from 'ethers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseCurve } from './choose-curve.js';
import { loadNativeCurve } from './native-curve.js';
import { portableCurve } from './portable-curve.js';

const groupOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const key = createHash('sha256').update('a key for tests').digest();
const address = computeAddress(hexlify(key));
const digest = createHash('sha256').update('a message').digest();
const native = loadNativeCurve();

function twin(rs: Uint8Array): Uint8Array {
  const s = BigInt(`0x${Buffer.from(rs.subarray(32)).toString('hex')}`);
  const other = (groupOrder - s).toString(16).padStart(64, '0');
  return new Uint8Array(Buffer.concat([rs.subarray(0, 32), Buffer.from(other, 'hex')]));
}

describe.each([
  ['native', native],
  ['portable', portableCurve],
])('the %s curve', (_name, curve) => {
  test('recovers who signed, from a low s and from its high twin', () => {
    const { rs, recovery } = curve.sign(digest, key);
    expect(curve.recover(digest, { rs, recovery })).toBe(address);
    expect(curve.recover(digest, { rs: twin(rs), recovery: recovery === 0 ? 1 : 0 })).toBe(address);
    expect(curve.recover(digest, { rs, recovery: recovery === 0 ? 1 : 0 })).not.toBe(address);
  });

  test.each([
    ['r is zero', Buffer.concat([Buffer.alloc(32), Buffer.alloc(32, 1)])],
    ['s is zero', Buffer.concat([Buffer.alloc(32, 1), Buffer.alloc(32)])],
    ['s is the group order', Buffer.concat([Buffer.alloc(32, 1), Buffer.from(groupOrder.toString(16), 'hex')])],
    ['r is all ones', Buffer.concat([Buffer.alloc(32, 0xff), Buffer.alloc(32, 1)])],
  ])('recovers nobody when %s', (_case, rs) => {
    expect(curve.recover(digest, { rs: new Uint8Array(rs), recovery: 0 })).toBeUndefined();
  });
});

test('both curves give the same answers', () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const cases = fc.record({ message: bytes, r: bytes, s: bytes, recovery: fc.constantFrom(0 as const, 1 as const) });
  fc.assert(
    fc.property(cases, ({ message, r, s, recovery }) => {
      const signature = { rs: new Uint8Array([...r, ...s]), recovery };
      expect(native.recover(message, signature)).toBe(portableCurve.recover(message, signature));
    }),
  );
  const message = randomBytes(32);
  const one = native.sign(message, key);
  const other = portableCurve.sign(message, key);
  expect({ ...other, rs: Buffer.from(other.rs) }).toEqual({ ...one, rs: Buffer.from(one.rs) });
});

test('without its binary the native curve is missed once, aloud', () => {
  const warnings: string[] = [];
  const curve = chooseCurve({
    onWarning: (message) => warnings.push(message),
    loadNative: () => {
      throw new Error('no binary for this platform');
    },
  });
  expect(curve).toBe(portableCurve);
  expect(warnings).toHaveLength(1);
  expect(chooseCurve({ onWarning: (message) => expect.fail(message) })).not.toBe(portableCurve);
});

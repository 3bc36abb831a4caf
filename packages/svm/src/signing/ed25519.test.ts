import { createHash, createPublicKey, verify } from 'node:crypto';
import { Keypair } from '@solana/web3.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBase58 } from '../address/base58.js';
import { isSignatureValid, signerOfSeed } from './ed25519.js';
import { generateDepositKey, parseSvmSecretKey, readSvmSigner } from './secret-key.js';

const order = 2n ** 252n + 27742317777372353535851937790883648493n;

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, place) => Number((value >> BigInt(8 * place)) & 0xffn));
}

function bigintOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

describe('a signature', () => {
  const seed = new Uint8Array(32).fill(7);
  const signer = signerOfSeed(seed);
  const { publicKey } = signer;

  test('is that of web3.js and holds for its message only', () => {
    expect(publicKey).toEqual(Keypair.fromSeed(seed).publicKey.toBytes());
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(), (message, place) => {
        const signature = signer.sign(message);
        expect(isSignatureValid({ publicKey, signature, message })).toBe(true);
        const other = Uint8Array.from(message);
        other[place % other.length] = (other[place % other.length] ?? 0) ^ 1;
        expect(isSignatureValid({ publicKey, signature, message: other })).toBe(false);
        const broken = Uint8Array.from(signature);
        broken[place % 64] = (broken[place % 64] ?? 0) ^ 1;
        expect(isSignatureValid({ publicKey, signature: broken, message })).toBe(false);
      }),
    );
  });

  test('has no second spelling: S plus the group order is refused', () => {
    const message = Uint8Array.of(1, 2, 3);
    const signature = signer.sign(message);
    const malleated = Uint8Array.from([
      ...signature.subarray(0, 32),
      ...littleEndian(bigintOf(signature.subarray(32)) + order),
    ]);
    expect(isSignatureValid({ publicKey, signature: malleated, message })).toBe(false);
  });

  test('under a key of small order, which anybody can make, is refused', () => {
    const identity = Uint8Array.from([1, ...new Array<number>(31).fill(0)]);
    const forged = Uint8Array.from([...identity, ...new Array<number>(32).fill(0)]);
    const message = Uint8Array.of(9);
    expect(isSignatureValid({ publicKey: identity, signature: forged, message })).toBe(false);
    expect(isSignatureValid({ publicKey, signature: forged, message })).toBe(false);
  });

  test('with a nonce of small order is refused, which OpenSSL takes and validators do not', () => {
    const message = Uint8Array.of(9);
    // A signature whose secret nonce is zero: R is the identity and S = k * a (RFC 8032, section 5.1.6).
    const hash = (...parts: Uint8Array[]) => createHash('sha512').update(Buffer.concat(parts)).digest();
    const scalar = hash(seed).subarray(0, 32);
    scalar[0] = (scalar[0] ?? 0) & 248;
    scalar[31] = ((scalar[31] ?? 0) & 63) | 64;
    const nonce = Uint8Array.from([1, ...new Array<number>(31).fill(0)]);
    const challenge = bigintOf(hash(nonce, publicKey, message)) % order;
    const signature = Uint8Array.from([...nonce, ...littleEndian((challenge * bigintOf(scalar)) % order)]);

    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]);
    expect(verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)).toBe(true);
    expect(isSignatureValid({ publicKey, signature, message })).toBe(false);
  });

  test('of any bytes under any bytes never throws', () => {
    const any = fc.uint8Array({ maxLength: 70 });
    fc.assert(
      fc.property(any, any, any, (key, signature, message) => {
        expect(isSignatureValid({ publicKey: key, signature, message })).toBe(false);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(isSignatureValid({ publicKey: key, signature: new Uint8Array(64).fill(3), message: key })).toBe(false);
      }),
    );
  });
});

describe('a secret key', () => {
  test('is read as wallets export it', () => {
    const { publicKey, secretKey } = Keypair.generate();
    const text = encodeBase58(secretKey);
    expect(parseSvmSecretKey(text)).toEqual({ address: publicKey.toBase58() });
    expect(readSvmSigner(text)?.address).toBe(publicKey.toBase58());
  });

  test('is nothing else, and a pair that does not belong together is refused', () => {
    const [one, other] = [Keypair.generate(), Keypair.generate()];
    const mixed = Uint8Array.from([...one.secretKey.subarray(0, 32), ...other.secretKey.subarray(32)]);
    for (const text of [
      '',
      'secret',
      encodeBase58(one.secretKey.subarray(0, 32)),
      encodeBase58(mixed),
      '0'.repeat(88),
    ]) {
      expect(parseSvmSecretKey(text)).toBeUndefined();
    }
  });

  test('of a deposit address is new each time and opens in web3.js', () => {
    const [one, other] = [generateDepositKey(), generateDepositKey()];
    expect(Keypair.fromSecretKey(one.secret).publicKey.toBase58()).toBe(one.address);
    expect(one.address).not.toBe(other.address);
  });
});

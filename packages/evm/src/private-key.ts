import { randomBytes } from 'node:crypto';
import { computeAddress } from 'ethers/transaction';
import type { Brand } from '@tollkeeper/protocol';

/** A secp256k1 private key: `0x` and 64 lowercase hex digits, between 1 and the group order. Never print it. */
export type EvmPrivateKey = Brand<string, 'EvmPrivateKey'>;

const shape = /^(0x)?([0-9a-fA-F]{64})$/;
const groupOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Reads a private key, with or without `0x`; undefined for everything else, so that no error can carry the text. */
export function parseEvmPrivateKey(text: string): EvmPrivateKey | undefined {
  const digits = shape.exec(text)?.[2]?.toLowerCase();
  if (digits === undefined) return undefined;
  const scalar = BigInt(`0x${digits}`);
  return scalar > 0n && scalar < groupOrder ? (`0x${digits}` as EvmPrivateKey) : undefined;
}

/** The address that a private key signs for, with its EIP-55 checksum. */
export function evmAddressOf(key: EvmPrivateKey): string {
  return computeAddress(key);
}

/** A new key pair for a custodial deposit address. `secret` is the 32-byte private key, to be stored encrypted. */
export function generateDepositKey(): { address: string; secret: Uint8Array } {
  for (;;) {
    const secret = randomBytes(32);
    const key = parseEvmPrivateKey(secret.toString('hex'));
    if (key !== undefined) return { address: evmAddressOf(key), secret: new Uint8Array(secret) };
  }
}

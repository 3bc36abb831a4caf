import { createPrivateKey, createPublicKey } from 'node:crypto';
import { bytesToHex, sha256, stringToBytes, toHex } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import type { Address, Hex } from 'viem';
import { encodeBase58 } from '../solana/base58.js';

/**
 * Keys that everybody knows. They exist so that the sandbox and the tests need no setup; anything sent to them on a
 * public chain is lost. A production facilitator must refuse every one of them: see `isSandboxKey`.
 */

/** The development mnemonic that anvil and every other local node start with. */
export const SANDBOX_MNEMONIC = 'test test test test test test test test test test test junk';

const roles = [
  'facilitator',
  'facilitator2',
  'buyer',
  'buyer2',
  'merchant',
  'merchant2',
  'treasury',
  'reference',
  'stranger',
  'tokenOwner',
] as const;

/** What a sandbox account is for. */
export type SandboxRole = (typeof roles)[number];

/** A public test account of the EVM chain. */
export interface EvmSandboxKey {
  readonly address: Address;
  readonly privateKey: Hex;
}

/** A public test account of the Solana chain. */
export interface SvmSandboxKey {
  readonly address: string;
  /** The 32 seed bytes from which the key pair is made. */
  readonly seed: Uint8Array;
  /** Seed and public key, 64 bytes, as wallets export it. */
  readonly privateKeyBase58: string;
}

/** Every sandbox account by chain family and role. Account n of the mnemonic has the n-th role. */
export const sandboxKeys: {
  readonly evm: Readonly<Record<SandboxRole, EvmSandboxKey>>;
  readonly svm: Readonly<Record<SandboxRole, SvmSandboxKey>>;
} = { evm: byRole(evmKey), svm: byRole(svmKey) };

/** Whether a private key, in any of the forms a configuration takes, belongs to the sandbox. */
export function isSandboxKey(privateKey: string): boolean {
  const given = privateKey.trim();
  const evm = given.toLowerCase().replace(/^0x/, '');
  return (
    Object.values(sandboxKeys.evm).some((key) => key.privateKey.slice(2) === evm) ||
    Object.values(sandboxKeys.svm).some((key) => key.privateKeyBase58 === given || encodeBase58(key.seed) === given)
  );
}

function byRole<Key>(make: (role: SandboxRole, index: number) => Key): Record<SandboxRole, Key> {
  return Object.fromEntries(roles.map((role, index) => [role, make(role, index)])) as Record<SandboxRole, Key>;
}

function evmKey(_role: SandboxRole, addressIndex: number): EvmSandboxKey {
  const account = mnemonicToAccount(SANDBOX_MNEMONIC, { addressIndex });
  const privateKey = account.getHdKey().privateKey;
  if (privateKey === null) throw new Error('The sandbox mnemonic gave no private key');
  return { address: account.address, privateKey: toHex(privateKey) };
}

function svmKey(role: SandboxRole): SvmSandboxKey {
  const seed = sha256(stringToBytes(`tollkeeper sandbox: ${role}`), 'bytes');
  const publicKey = ed25519PublicKey(seed);
  return {
    address: encodeBase58(publicKey),
    seed,
    privateKeyBase58: encodeBase58(new Uint8Array([...seed, ...publicKey])),
  };
}

function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  // The fixed head of a PKCS #8 document that holds an Ed25519 seed (RFC 8410).
  const document = Buffer.from(`302e020100300506032b657004220420${bytesToHex(seed).slice(2)}`, 'hex');
  const privateKey = createPrivateKey({ key: document, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return new Uint8Array(publicKey.subarray(-32));
}

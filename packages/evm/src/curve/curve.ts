/** An ECDSA signature in parts: r and s, 32 bytes each, and which of the two candidate public keys made it. */
export interface RecoverableSignature {
  readonly rs: Uint8Array;
  readonly recovery: 0 | 1;
}

/** What EVM needs of the curve secp256k1. */
export interface Curve {
  /** The address whose key made the signature, or undefined when no key can have made it. Accepts a high s. */
  recover(digest: Uint8Array, signature: RecoverableSignature): string | undefined;
  /** Signs deterministically (RFC 6979) with a low s (EIP-2). */
  sign(digest: Uint8Array, privateKey: Uint8Array): RecoverableSignature;
}

import type { X402Version } from '../payment.js';

/** The body of `GET /supported` (specification v2, section 7.3). */
export interface SupportedAnswer {
  readonly kinds: readonly AnsweredKind[];
  readonly extensions: readonly string[];
  /** Our signing addresses by CAIP-2 pattern. */
  readonly signers: Readonly<Record<string, readonly string[]>>;
}

/** One scheme on one network, named as the protocol version names networks. */
export interface AnsweredKind {
  readonly x402Version: X402Version;
  readonly scheme: string;
  readonly network: string;
  readonly extra?: Readonly<Record<string, unknown>>;
}

import type { Amount } from './amount.js';
import type { Network } from './network.js';

export type X402Version = 1 | 2;

/** What the merchant asks for, in the words of protocol version 2. */
export interface PaymentRequirements {
  readonly scheme: string;
  readonly network: Network;
  /** Minor units of `asset`. */
  readonly amount: Amount;
  /** The token's address or mint as the merchant wrote it; the scheme makes it canonical. */
  readonly asset: string;
  readonly payTo: string;
  readonly maxTimeoutSeconds: number;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A well-formed verify or settle request. Version 1 requests arrive here already translated. */
export interface Payment {
  readonly x402Version: X402Version;
  /** What the buyer says it accepted: a scheme and network that must equal the requirements'. */
  readonly accepted: { readonly scheme: string; readonly network: string };
  readonly requirements: PaymentRequirements;
  /** The scheme's own part, not yet looked at. */
  readonly payload: Readonly<Record<string, unknown>>;
}

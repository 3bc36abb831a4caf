import { evmChainId, type Amount, type Network, type Payment, type Rejection } from '@tollkeeper/protocol';
import { parseEvmAddress } from '../address.js';
import type { TokenDomain } from './transfer-digest.js';

/** What the merchant asks for, read: the canonical addresses and the token's EIP-712 domain. */
export interface Terms {
  readonly network: Network;
  readonly token: string;
  readonly payTo: string;
  readonly amount: Amount;
  readonly domain: TokenDomain;
}

export type TermsReading =
  { readonly ok: true; readonly terms: Terms } | { readonly ok: false; readonly rejection: Rejection };

/** The checks that concern the requirements alone, in the reference's order (verifyEIP3009 in @x402/evm 2.27.0). */
export function readTerms(payment: Payment, network: Network): TermsReading {
  const { accepted, requirements } = payment;
  if (accepted.scheme !== 'exact' || requirements.scheme !== 'exact') {
    return refused('invalid_exact_evm_scheme', 'The payload and the requirements must both say the scheme "exact"');
  }
  const { name, version } = requirements.extra;
  if (!isText(name) || !isText(version)) {
    const detail = "requirements.extra must give the name and version of the token's EIP-712 domain";
    return refused('invalid_exact_evm_missing_eip712_domain', detail);
  }
  if (accepted.network !== requirements.network || requirements.network !== network) {
    const detail = 'The payload was made for another network than the requirements name';
    return refused('invalid_exact_evm_network_mismatch', detail);
  }
  const token = parseEvmAddress(requirements.asset);
  if (token === undefined) return notAnAddress('asset');
  const payTo = parseEvmAddress(requirements.payTo);
  if (payTo === undefined) return notAnAddress('payTo');
  const domain = { name, version, chainId: evmChainId(network), token };
  return { ok: true, terms: { network, token, payTo, amount: requirements.amount, domain } };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function notAnAddress(field: 'asset' | 'payTo'): TermsReading {
  const detail = `requirements.${field} must be 0x and 40 hex digits, with a right checksum if the case is mixed`;
  return refused('invalid_payment_requirements', detail);
}

function refused(reason: Rejection['reason'], detail: string): TermsReading {
  return { ok: false, rejection: { reason, detail } };
}

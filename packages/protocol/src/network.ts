import type { Brand } from './brand.js';

/** A chain in CAIP-2 form, for example `eip155:8453` or `solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1`. */
export type Network = Brand<string, 'Network'>;

/** The two families of chains that Tollkeeper settles on, named by their CAIP-2 namespace. */
export type NetworkFamily = 'eip155' | 'solana';

const evmNetwork = /^eip155:[1-9][0-9]{0,15}$/;
const solanaNetwork = /^solana:[1-9A-HJ-NP-Za-km-z]{32}$/;

/** Reads a CAIP-2 id of a family that Tollkeeper knows; undefined for every other string. */
export function parseNetwork(text: string): Network | undefined {
  if (evmNetwork.test(text)) {
    return Number.isSafeInteger(Number(text.slice('eip155:'.length))) ? (text as Network) : undefined;
  }
  return solanaNetwork.test(text) ? (text as Network) : undefined;
}

/**
 * Reads a CAIP-2 id that is known to be one, such as a constant.
 * @throws RangeError for anything else.
 */
export function network(text: string): Network {
  const parsed = parseNetwork(text);
  if (parsed === undefined) throw new RangeError(`"${text}" is not a CAIP-2 id of an EVM or Solana network`);
  return parsed;
}

export function networkFamily(id: Network): NetworkFamily {
  return id.startsWith('eip155:') ? 'eip155' : 'solana';
}

/** The chain id of an EVM network, as EIP-155 and EIP-712 use it. */
export function evmChainId(id: Network): bigint {
  if (networkFamily(id) !== 'eip155') throw new RangeError(`${id} is not an EVM network`);
  return BigInt(id.slice('eip155:'.length));
}

export const solanaMainnet = network('solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp');
export const solanaDevnet = network('solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1');
export const solanaTestnet = network('solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z');
export const baseMainnet = network('eip155:8453');
export const baseSepolia = network('eip155:84532');

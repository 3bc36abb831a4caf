import { network, parseNetwork, solanaDevnet, solanaMainnet, solanaTestnet, type Network } from './network.js';

/** The network names of protocol version 1 and the CAIP-2 ids that replaced them (x402 v2 specification, section 11). */
const byName: ReadonlyMap<string, Network> = new Map([
  ...Object.entries({
    ethereum: 1,
    sepolia: 11155111,
    abstract: 2741,
    'abstract-testnet': 11124,
    'base-sepolia': 84532,
    base: 8453,
    'avalanche-fuji': 43113,
    avalanche: 43114,
    iotex: 4689,
    sei: 1329,
    'sei-testnet': 1328,
    polygon: 137,
    'polygon-amoy': 80002,
    peaq: 3338,
    story: 1514,
    educhain: 41923,
    'skale-base-sepolia': 324705682,
    megaeth: 4326,
    monad: 143,
    stable: 988,
    'stable-testnet': 2201,
    celo: 42220,
    flare: 14,
  }).map(([name, chainId]) => [name, network(`eip155:${chainId}`)] as const),
  ['solana', solanaMainnet],
  ['solana-devnet', solanaDevnet],
  ['solana-testnet', solanaTestnet],
]);

const byNetwork: ReadonlyMap<Network, string> = new Map([...byName].map(([name, id]) => [id, name]));

/** The CAIP-2 id of a version 1 name such as `base-sepolia`; undefined when version 1 has no such name. */
export function networkOfName(name: string): Network | undefined {
  return byName.get(name);
}

/** The version 1 name of a network, or undefined where version 1 never named it. */
export function nameOfNetwork(id: Network): string | undefined {
  return byNetwork.get(id);
}

/** Reads what an operator writes in the configuration: a CAIP-2 id or a version 1 name. */
export function parseNetworkOrName(text: string): Network | undefined {
  return parseNetwork(text) ?? networkOfName(text);
}

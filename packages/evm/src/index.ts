export { parseEvmAddress } from './address.js';
export type { EvmLimits } from './evm-limits.js';
export { createEvmNetwork, type EvmNetwork, type EvmNetworkParts } from './evm-network.js';
export { evmAddressOf, type EvmPrivateKey, generateDepositKey, parseEvmPrivateKey } from './private-key.js';

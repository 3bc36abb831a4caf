export { MULTICALL3_ADDRESS, BASE_SEPOLIA_USDC, startEvmChain } from './evm-chain.js';
export type { EvmChain, EvmChainOptions } from './evm-chain.js';
export type { AnvilExit } from './anvil-process.js';
export { createRpcCall, RpcAnswerError } from './json-rpc.js';
export type { RpcCall } from './json-rpc.js';
export type { DeployTokenOptions, TestTokens, TokenKind } from './test-tokens.js';
export {
  contractCode,
  gasBurnerTokenAbi,
  multicall3Abi,
  plainTokenAbi,
  testSmartWalletAbi,
  testSmartWalletFactoryAbi,
  testUsdcAbi,
} from './contract-artifacts.js';
export { createRpcGate, faultOn } from './rpc-fault.js';
export type { RpcFault, RpcGate, RpcProxyCall, RpcRule } from './rpc-fault.js';
export { startRpcProxy } from './rpc-proxy.js';
export type { RpcProxy } from './rpc-proxy.js';

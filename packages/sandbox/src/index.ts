export * from './evm/index.js';
export * from './solana/index.js';
export { isSandboxKey, SANDBOX_MNEMONIC, sandboxKeys } from './demo/sandbox-keys.js';
export type { EvmSandboxKey, SandboxRole, SvmSandboxKey } from './demo/sandbox-keys.js';

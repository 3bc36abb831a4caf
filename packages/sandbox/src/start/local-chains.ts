import { join } from 'node:path';
import { knownTokensOf, solanaDevnet } from '@tollkeeper/protocol';
import { sandboxKeys } from '../demo/sandbox-keys.js';
import { BASE_SEPOLIA_USDC, startEvmChain, type EvmChain } from '../evm/index.js';
import type { SandboxConfig } from '../sandbox-config.js';
import { startSolanaChain, type SolanaChain } from '../solana/index.js';

/** USDC of Solana devnet; the sandbox issues its own at the same address. */
export const devnetUsdc = knownTokensOf(solanaDevnet)[0]?.token ?? '';

const tokens = 1_000_000_000n;
const lamports = 10_000_000_000n;

/** Starts the EVM chain, and gives the buyer money if it has none. */
export async function startLocalEvm(config: SandboxConfig): Promise<EvmChain> {
  const chain = await startEvmChain({
    port: config.evmRpcPort,
    stateFile: join(config.dataDir, 'evm-chain.json'),
    // Nobody else mines here, and without newer blocks no payment ever becomes final.
    mineWhenIdle: true,
  });
  const buyer = sandboxKeys.evm.buyer.address;
  if ((await chain.tokenBalance({ token: BASE_SEPOLIA_USDC, owner: buyer })) < tokens / 10n) {
    await chain.mint({ token: BASE_SEPOLIA_USDC, to: buyer, amount: tokens });
  }
  return chain;
}

/** Starts the Solana chain, and gives the fee payer and the buyer money if they have none. */
export async function startLocalSvm(config: SandboxConfig): Promise<SolanaChain> {
  const chain = await startSolanaChain({ port: config.svmRpcPort, stateFile: join(config.dataDir, 'svm-chain.log') });
  const buyer = sandboxKeys.svm.buyer.address;
  chain.createToken({ mint: devnetUsdc, decimals: 6, program: 'token' });
  chain.fundSol(sandboxKeys.svm.facilitator.address, lamports);
  if (chain.tokenBalance({ mint: devnetUsdc, owner: buyer }) < tokens / 10n) {
    chain.fundToken({ mint: devnetUsdc, owner: buyer, amount: tokens });
  }
  return chain;
}

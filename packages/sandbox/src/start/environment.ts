import { solanaDevnet } from '@tollkeeper/protocol';
import { sandboxKeys } from '../demo/sandbox-keys.js';
import type { SandboxConfig } from '../sandbox-config.js';

/** The environment of the sandbox's facilitator, which is also that of the `tollkeeper` command beside it. */
export function facilitatorEnvironment(
  config: SandboxConfig,
  urls: { readonly database: string; readonly evmRpc: string; readonly svmRpc: string },
): Readonly<Record<string, string>> {
  return {
    ENVIRONMENT: 'development',
    PORT: String(config.facilitatorPort),
    DATA_DIR: config.dataDir,
    DATABASE_URL: urls.database,
    EVM_NETWORK: 'eip155:84532',
    EVM_RPC_URL: urls.evmRpc,
    EVM_PRIVATE_KEY: sandboxKeys.evm.facilitator.privateKey,
    SVM_NETWORK: solanaDevnet,
    SVM_RPC_URL: urls.svmRpc,
    SVM_PRIVATE_KEY: sandboxKeys.svm.facilitator.privateKeyBase58,
  };
}

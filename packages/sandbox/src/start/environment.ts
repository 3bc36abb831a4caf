import { solanaDevnet } from '@tollkeeper/protocol';
import { sandboxKeys } from '../demo/sandbox-keys.js';
import type { SandboxConfig } from '../sandbox-config.js';

/** The environment of the sandbox's facilitator, which is also that of the `tollkeeper` command beside it. */
export function facilitatorEnvironment(
  config: SandboxConfig,
  urls: { readonly database?: string; readonly evmRpc: string; readonly svmRpc: string },
): Readonly<Record<string, string>> {
  return {
    ENVIRONMENT: 'development',
    PORT: String(config.facilitatorPort),
    DATA_DIR: config.dataDir,
    // Without a URL the command finds the server that runs on the data folder.
    ...(urls.database === undefined ? {} : { DATABASE_URL: urls.database }),
    EVM_NETWORK: 'eip155:84532',
    EVM_RPC_URL: urls.evmRpc,
    EVM_PRIVATE_KEY: sandboxKeys.evm.facilitator.privateKey,
    SVM_NETWORK: solanaDevnet,
    SVM_RPC_URL: urls.svmRpc,
    SVM_PRIVATE_KEY: sandboxKeys.svm.facilitator.privateKeyBase58,
  };
}

/** The same for a command that runs beside a sandbox: everything is found by its port and its folder. */
export function environmentBeside(config: SandboxConfig): Readonly<Record<string, string>> {
  const at = (port: number) => `http://127.0.0.1:${port}`;
  return facilitatorEnvironment(config, { evmRpc: at(config.evmRpcPort), svmRpc: at(config.svmRpcPort) });
}

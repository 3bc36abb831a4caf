import { createServer } from 'node:net';
import type { SandboxConfig } from '../sandbox-config.js';

/**
 * Proves that every port is free before anything starts.
 * @throws Error that names the port and the variable to set.
 */
export async function requireFreePorts(config: SandboxConfig): Promise<void> {
  await requireFree('PORT', config.facilitatorPort);
  await requireFree('MERCHANT_PORT', config.merchantPort);
  await requireFree('EVM_RPC_PORT', config.evmRpcPort);
  await requireFree('SVM_RPC_PORT', config.svmRpcPort);
}

async function requireFree(variable: string, port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', () => {
      reject(new Error(`Port ${port} is taken; stop what uses it or set ${variable} to another port`));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}

import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createKeyPairSignerFromBytes, createSolanaRpc, devnet, getBase58Encoder } from '@solana/kit';
import { x402Facilitator } from '@x402/core/facilitator';
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import { toFacilitatorEvmSigner } from '@x402/evm';
import { registerExactEvmScheme } from '@x402/evm/exact/facilitator';
import { toFacilitatorSvmSigner } from '@x402/svm';
import { registerExactSvmScheme } from '@x402/svm/exact/facilitator';
import { createWalletClient, http, publicActions } from 'viem';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { baseSepolia } from 'viem/chains';
import { createNonceManager, jsonRpc } from 'viem/nonce';
import { listenLocally } from './local-server.js';
import type { LocalServer } from './local-server.js';
import { readBody } from './read-body.js';
import { SOLANA_DEVNET } from './solana-devnet.js';

export interface ReferenceFacilitatorOptions {
  readonly port?: number;
  readonly host?: string;
  readonly evm?: {
    readonly rpcUrl: string;
    readonly privateKey: Hex;
    /** 84532, Base Sepolia, by default. */
    readonly chainId?: number;
    /** Lets viem count nonces in memory. The published example does not, and loses concurrent settlements. */
    readonly nonceManager?: boolean;
    /** How often viem asks for a receipt; its own default unless set. */
    readonly pollingIntervalMs?: number;
  };
  readonly svm?: {
    readonly rpcUrl: string;
    readonly privateKeyBase58: string;
  };
}

/**
 * The facilitator that the x402 project publishes as its example, out of the same packages and with the same answers:
 * 400 when a part is missing, 500 with the message of whatever was thrown. It is what ours is compared with.
 */
export async function startReferenceFacilitator(options: ReferenceFacilitatorOptions): Promise<LocalServer> {
  const facilitator = new x402Facilitator();
  if (options.evm !== undefined) registerEvm(facilitator, options.evm);
  if (options.svm !== undefined) await registerSvm(facilitator, options.svm);
  const server = createServer((request, response) => void answer(facilitator, request, response));
  return listenLocally(server, { host: options.host, port: options.port, purpose: 'the reference facilitator' });
}

function registerEvm(facilitator: x402Facilitator, evm: NonNullable<ReferenceFacilitatorOptions['evm']>): void {
  const { rpcUrl, privateKey, chainId = baseSepolia.id, pollingIntervalMs } = evm;
  const account = evm.nonceManager
    ? privateKeyToAccount(privateKey, { nonceManager: createNonceManager({ source: jsonRpc() }) })
    : privateKeyToAccount(privateKey);
  const client = createWalletClient({
    account,
    chain: { ...baseSepolia, id: chainId },
    transport: http(rpcUrl),
    ...(pollingIntervalMs === undefined ? {} : { pollingInterval: pollingIntervalMs }),
  }).extend(publicActions);
  const signer = toFacilitatorEvmSigner({
    address: account.address,
    getCode: (args) => client.getCode(args),
    readContract: (args) => client.readContract({ ...args, args: args.args ?? [] }),
    verifyTypedData: (args) => client.verifyTypedData(args as Parameters<typeof client.verifyTypedData>[0]),
    writeContract: (args) => client.writeContract(args),
    sendTransaction: (args) => client.sendTransaction(args),
    waitForTransactionReceipt: (args) => client.waitForTransactionReceipt(args),
  });
  registerExactEvmScheme(facilitator, { signer, networks: `eip155:${chainId}` });
}

async function registerSvm(
  facilitator: x402Facilitator,
  svm: NonNullable<ReferenceFacilitatorOptions['svm']>,
): Promise<void> {
  const account = await createKeyPairSignerFromBytes(getBase58Encoder().encode(svm.privateKeyBase58));
  // As a map: the package does not recognise a bare RPC object, which is a proxy that denies having its methods. Under
  // `*`, because version 1 asks by its own network name and would go to the public devnet.
  const signer = toFacilitatorSvmSigner(account, { '*': createSolanaRpc(devnet(svm.rpcUrl)) });
  registerExactSvmScheme(facilitator, { signer, networks: SOLANA_DEVNET });
}

async function answer(facilitator: x402Facilitator, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    switch (`${request.method ?? ''} ${request.url ?? ''}`) {
      case 'GET /supported':
        sendJson(response, 200, facilitator.getSupported());
        return;
      case 'POST /verify':
        await answerPayment(request, response, (payload, wanted) => facilitator.verify(payload, wanted));
        return;
      case 'POST /settle':
        await answerPayment(request, response, (payload, wanted) => facilitator.settle(payload, wanted));
        return;
      default:
        sendJson(response, 404, { error: 'Not found' });
    }
  } catch (error) {
    sendJson(response, 500, { error: error instanceof Error ? error.message : 'Unknown error' });
  }
}

async function answerPayment(
  request: IncomingMessage,
  response: ServerResponse,
  act: (payload: PaymentPayload, requirements: PaymentRequirements) => Promise<unknown>,
): Promise<void> {
  const body = JSON.parse(await readBody(request)) as {
    readonly paymentPayload?: PaymentPayload;
    readonly paymentRequirements?: PaymentRequirements;
  };
  if (!body.paymentPayload || !body.paymentRequirements) {
    sendJson(response, 400, { error: 'Missing paymentPayload or paymentRequirements' });
    return;
  }
  sendJson(response, 200, await act(body.paymentPayload, body.paymentRequirements));
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import { toFacilitatorEvmSigner } from '@x402/evm';
import { ExactEvmScheme } from '@x402/evm/exact/facilitator';
import { createWalletClient, defineChain, http, publicActions, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

/** The reference facilitator's own scheme, in this process, on the chain behind `url`. */
export function createReferenceEvm(parts: { readonly url: string; readonly privateKey: Hex }) {
  const chain = defineChain({
    id: 84_532,
    name: 'Base Sepolia',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [parts.url] } },
  });
  const account = privateKeyToAccount(parts.privateKey);
  const client = createWalletClient({ account, chain, transport: http(parts.url) }).extend(publicActions);
  const signer = toFacilitatorEvmSigner({
    address: account.address,
    readContract: (call) => client.readContract(call),
    verifyTypedData: (data) => client.verifyTypedData(data as never),
    writeContract: (call) => client.writeContract(call),
    sendTransaction: (transaction) => client.sendTransaction(transaction as never),
    waitForTransactionReceipt: (wait) => client.waitForTransactionReceipt(wait),
    getCode: (query) => client.getCode(query),
  });
  const scheme = new ExactEvmScheme(signer);
  return {
    verify: (payload: unknown, requirements: unknown) =>
      scheme.verify(payload as PaymentPayload, requirements as PaymentRequirements),
  };
}

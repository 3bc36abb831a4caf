import { createSigner, decodeXPaymentResponse, wrapFetchWithPayment } from 'x402-fetch';

/** What came back for a payment of protocol version 1. */
export interface LegacyPaidResponse {
  readonly status: number;
  readonly body: unknown;
  /** The decoded `X-PAYMENT-RESPONSE` header. */
  readonly receipt?: ReturnType<typeof decodeXPaymentResponse>;
}

/** Buys one resource with stock `x402-fetch`. Exactly one of the two wallets pays; the network follows from which. */
export async function payLegacy(
  options: { readonly url: string } & (
    | { readonly evm: { readonly privateKey: string; /** `base-sepolia` by default. */ readonly network?: string } }
    | {
        readonly svm: {
          readonly privateKeyBase58: string;
          readonly rpcUrl: string;
          /** `solana-devnet` by default. */
          readonly network?: string;
        };
      }
  ),
): Promise<LegacyPaidResponse> {
  const response = await payingFetch(await walletOf(options))(options.url);
  const receipt = response.headers.get('X-PAYMENT-RESPONSE');
  const body: unknown = await response.json();
  return { status: response.status, body, ...(receipt === null ? {} : { receipt: decodeXPaymentResponse(receipt) }) };
}

type Wallet = { readonly signer: Awaited<ReturnType<typeof createSigner>>; readonly rpcUrl?: string };

async function walletOf(options: Parameters<typeof payLegacy>[0]): Promise<Wallet> {
  if ('evm' in options) {
    const { network = 'base-sepolia', privateKey } = options.evm;
    return { signer: await createSigner(network, privateKey) };
  }
  const { network = 'solana-devnet', privateKeyBase58, rpcUrl } = options.svm;
  return { signer: await createSigner(network, privateKeyBase58), rpcUrl };
}

function payingFetch({ signer, rpcUrl }: Wallet): (input: string) => Promise<Response> {
  const config = rpcUrl === undefined ? undefined : { svmConfig: { rpcUrl } };
  return wrapFetchWithPayment(fetch, signer, undefined, undefined, config);
}

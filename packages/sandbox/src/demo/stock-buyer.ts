import { createKeyPairSignerFromBytes, getBase58Encoder } from '@solana/kit';
import { decodePaymentRequiredHeader, decodePaymentResponseHeader } from '@x402/core/http';
import type { PaymentPayload, PaymentRequired, SettleResponse } from '@x402/core/types';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { wrapFetchWithPayment, x402Client, x402HTTPClient } from '@x402/fetch';
import { ExactSvmScheme } from '@x402/svm/exact/client';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

export interface StockBuyerOptions {
  readonly evm?: { readonly privateKey: Hex; readonly rpcUrl?: string };
  readonly svm?: { readonly privateKeyBase58: string; readonly rpcUrl: string };
  /** Pays in any asset and without the stock client's cap per payment. Off by default, as in the stock client. */
  readonly withoutSpendControls?: boolean;
}

/** What came back for a payment. */
export interface PaidResponse {
  readonly status: number;
  /** Parsed JSON, or the text when it is none. */
  readonly body: unknown;
  /** The decoded `PAYMENT-RESPONSE` header. */
  readonly receipt?: SettleResponse;
  /** The decoded `PAYMENT-REQUIRED` header: after a refusal its `error` says why. */
  readonly required?: PaymentRequired;
}

/** A buyer of stock `@x402/fetch`. */
export interface StockBuyer {
  /** Gets a paid resource, paying for it when asked to. */
  pay(url: string): Promise<PaidResponse>;
  /** Signs a payment for a resource without sending it, so that a test can send it as often as it likes. */
  sign(url: string): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly payload: PaymentPayload }>;
}

/** Builds a buyer out of the stock packages, registered as their documentation says. */
export async function createStockBuyer(options: StockBuyerOptions): Promise<StockBuyer> {
  const client = new x402Client();
  if (options.withoutSpendControls === true) client.setSpendControls(false);
  if (options.evm !== undefined) {
    const { privateKey, rpcUrl } = options.evm;
    const schemeOptions = rpcUrl === undefined ? undefined : { rpcUrl };
    client.register('eip155:*', new ExactEvmScheme(privateKeyToAccount(privateKey), schemeOptions));
  }
  if (options.svm !== undefined) {
    const { privateKeyBase58, rpcUrl } = options.svm;
    const signer = await createKeyPairSignerFromBytes(getBase58Encoder().encode(privateKeyBase58));
    client.register('solana:*', new ExactSvmScheme(signer, { rpcUrl }));
  }
  const payingFetch = wrapFetchWithPayment(fetch, client);
  const httpClient = new x402HTTPClient(client);
  return {
    pay: async (url) => readPaidResponse(await payingFetch(url)),
    sign: async (url) => {
      const { required } = await readPaidResponse(await fetch(url));
      if (required === undefined) throw new Error(`${url} does not ask for a payment`);
      const payload = await client.createPaymentPayload(required);
      return { payload, headers: httpClient.encodePaymentSignatureHeader(payload) };
    },
  };
}

/** Buys one resource with a fresh stock buyer. */
export async function payOnce(options: StockBuyerOptions & { readonly url: string }): Promise<PaidResponse> {
  const buyer = await createStockBuyer(options);
  return buyer.pay(options.url);
}

/** Reads a response with the headers of protocol version 2. */
export async function readPaidResponse(response: Response): Promise<PaidResponse> {
  const receipt = response.headers.get('PAYMENT-RESPONSE');
  const required = response.headers.get('PAYMENT-REQUIRED');
  return {
    status: response.status,
    body: parseBody(await response.text()),
    ...(receipt === null ? {} : { receipt: decodePaymentResponseHeader(receipt) }),
    ...(required === null ? {} : { required: decodePaymentRequiredHeader(required) }),
  };
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

import { randomUUID } from 'node:crypto';
import type { Keypair } from '@solana/web3.js';
import { BASE_SEPOLIA_USDC, sandboxKeys, type SolanaChain } from '@tollkeeper/sandbox';
import { solanaDevnet, type SettleAnswer, type VerifyAnswer } from '@tollkeeper/protocol';
import { buyer, encode, memoInstruction, signTransaction, standardInstructions } from '../svm/solana-payment.js';
import { offeredPayment, type TransferOffer } from './evm-payment.js';
import { devnetUsdc, evmNetwork, type TestFacilitator } from './test-facilitator.js';

/** The chain families on which every promise of the engine is tried. */
export const families = ['EVM', 'Solana'] as const;

export type Family = (typeof families)[number];

/** A fresh payment of 0.01 USDC by the sandbox buyer to the test's own wallet. */
export function freshRequest({ wallet, svm }: TestFacilitator, family: Family): Promise<WireRequest> {
  return family === 'EVM' ? evmRequest({ payTo: wallet.evm }) : svmRequest(svm, { payTo: wallet.svm });
}

/** A verify or settle body as it goes over the wire. */
export interface WireRequest {
  readonly x402Version: number;
  readonly paymentPayload: Readonly<Record<string, unknown>> & { readonly payload: Readonly<Record<string, unknown>> };
  readonly paymentRequirements: Readonly<Record<string, unknown>>;
}

type EvmOffer = Partial<TransferOffer> & { readonly payTo: string };

/** A fresh EIP-3009 payment of 0.01 USDC by the sandbox buyer, in protocol version 2. */
export async function evmRequest(offer: EvmOffer): Promise<WireRequest> {
  const { token = BASE_SEPOLIA_USDC, value = 10_000n, privateKey = sandboxKeys.evm.buyer.privateKey } = offer;
  const { payload } = await offeredPayment({ ...offer, token, value, privateKey });
  const requirements = {
    scheme: 'exact',
    network: evmNetwork,
    amount: value.toString(),
    asset: token,
    payTo: offer.payTo,
    maxTimeoutSeconds: 60,
    extra: { name: offer.name ?? 'USDC', version: offer.version ?? '2' },
  };
  return {
    x402Version: 2,
    paymentPayload: { x402Version: 2, accepted: requirements, payload },
    paymentRequirements: requirements,
  };
}

/** A fresh SPL Token payment of 0.01 USDC by the sandbox buyer, in protocol version 2. The memo makes each one unique. */
export async function svmRequest(
  chain: SolanaChain,
  offer: { readonly payTo: string; readonly amount?: bigint; readonly payer?: Keypair; readonly blockhash?: string },
): Promise<WireRequest> {
  const { payTo, amount = 10_000n, payer = buyer } = offer;
  const transfer = { payTo, amount, authority: payer.publicKey };
  const transaction = signTransaction({
    instructions: [...standardInstructions(transfer), memoInstruction(randomUUID())],
    signers: [payer],
    blockhash: offer.blockhash ?? (await latestBlockhash(chain.url)),
  });
  const requirements = {
    scheme: 'exact',
    network: solanaDevnet,
    amount: amount.toString(),
    asset: devnetUsdc,
    payTo,
    maxTimeoutSeconds: 60,
    extra: { feePayer: sandboxKeys.svm.facilitator.address },
  };
  return {
    x402Version: 2,
    paymentPayload: { x402Version: 2, accepted: requirements, payload: { transaction: encode(transaction) } },
    paymentRequirements: requirements,
  };
}

/** The same payment with other fields in its `payload`. */
export function withPayload(request: WireRequest, payload: Readonly<Record<string, unknown>>): WireRequest {
  return { ...request, paymentPayload: { ...request.paymentPayload, payload } };
}

/** The same payment as a version 1 client sends it. */
export function inVersion1(request: WireRequest): WireRequest {
  const { amount, network, ...rest } = request.paymentRequirements;
  const name = network === evmNetwork ? 'base-sepolia' : 'solana-devnet';
  const { payload } = request.paymentPayload;
  return {
    x402Version: 1,
    paymentPayload: { x402Version: 1, scheme: 'exact', network: name, payload },
    paymentRequirements: {
      ...rest,
      network: name,
      maxAmountRequired: amount,
      resource: 'https://merchant.example/weather',
      description: 'The weather',
      mimeType: 'application/json',
    },
  };
}

export interface Answered<Body> {
  readonly status: number;
  readonly body: Body;
}

export function settle(url: string, request: unknown): Promise<Answered<SettleAnswer>> {
  return post(`${url}/settle`, request);
}

/**
 * Asks as callers are told to: again while the outcome is open, or where nothing was signed in time. On a busy machine a
 * facilitator with little patience answers that of any payment.
 */
export async function settleAtLast(url: string, request: unknown): Promise<Answered<SettleAnswer>> {
  for (;;) {
    const answer = await settle(url, request);
    if (answer.body.errorReason !== 'settlement_pending' && !isTooBusy(answer)) return answer;
  }
}

/** Has a payment signed whose outcome stays open, and answers what the caller is told. */
export async function settleWithoutOutcome(url: string, request: unknown): Promise<Answered<SettleAnswer>> {
  for (;;) {
    const answer = await settle(url, request);
    if (!isTooBusy(answer)) return answer;
  }
}

/** Whether nothing was signed in the time that the caller waits, and the payment is as it was. */
function isTooBusy({ body }: Answered<SettleAnswer & { readonly code?: string }>): boolean {
  return body.code === 'SETTLEMENT_BUSY';
}

export function verify(url: string, request: unknown): Promise<Answered<VerifyAnswer>> {
  return post(`${url}/verify`, request);
}

async function post<Body>(url: string, body: unknown): Promise<Answered<Body>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

async function latestBlockhash(rpcUrl: string): Promise<string> {
  const response = await fetch(rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'getLatestBlockhash', params: [] }),
  });
  const { result } = (await response.json()) as { result: { value: { blockhash: string } } };
  return result.value.blockhash;
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyPairSignerFromBytes, createSolanaRpc, type KeyPairSigner } from '@solana/kit';
import { Keypair } from '@solana/web3.js';
import { toFacilitatorSvmSigner } from '@x402/svm';
import { ExactSvmScheme as ExactSvmClient } from '@x402/svm/exact/client';
import { ExactSvmScheme as ExactSvmFacilitator } from '@x402/svm/exact/facilitator';
import { ExactSvmSchemeV1 } from '@x402/svm/exact/v1/facilitator';
import { wrapFetchWithPayment } from 'x402-fetch';
import { startSolanaChain, type SolanaChain } from './index.js';

const network = 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1';
const mint = '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU';

let chain: SolanaChain;
let buyer: KeyPairSigner;
let sponsor: KeyPairSigner;
let payTo: string;

beforeAll(async () => {
  chain = await startSolanaChain({ slotMs: 50 });
  chain.createToken({ mint, decimals: 6, program: 'token' });
  buyer = await createKeyPairSignerFromBytes(Keypair.generate().secretKey);
  sponsor = await createKeyPairSignerFromBytes(Keypair.generate().secretKey);
  payTo = Keypair.generate().publicKey.toBase58();
  chain.fundSol(sponsor.address, 1_000_000_000n);
  chain.fundToken({ mint, owner: buyer.address, amount: 1_000_000n });
  chain.fundToken({ mint, owner: payTo, amount: 0n });
});

afterAll(async () => {
  await chain.stop();
});

const facilitatorSigner = (id: string) => toFacilitatorSvmSigner(sponsor, { [id]: createSolanaRpc(chain.url) });

describe('the stock x402 packages', () => {
  test('a version 2 payment is built, verified and settled', async () => {
    const requirements = {
      scheme: 'exact',
      network,
      asset: mint,
      amount: '1000',
      payTo,
      maxTimeoutSeconds: 60,
      extra: { feePayer: sponsor.address },
    } as const;
    const client = new ExactSvmClient(buyer, { rpcUrl: chain.url });
    const built = await client.createPaymentPayload(2, requirements);
    const payload = { ...built, accepted: requirements, resource: { url: 'http://localhost/paid' } };
    const facilitator = new ExactSvmFacilitator(facilitatorSigner(network));
    expect(await facilitator.verify(payload, requirements)).toMatchObject({ isValid: true, payer: buyer.address });
    const before = chain.landedTransactions().length;
    const settled = await facilitator.settle(payload, requirements);
    expect(settled).toMatchObject({ success: true, network });
    expect(chain.landedTransactions().slice(before)).toMatchObject([{ signature: settled.transaction, err: null }]);
    expect(chain.tokenBalance({ mint, owner: payTo })).toBe(1000n);
    expect(await facilitator.verify(payload, requirements)).toMatchObject({ isValid: false });
  });

  test('a version 1 payment of the legacy client is verified and settled', async () => {
    const requirements = {
      scheme: 'exact',
      network: 'solana-devnet',
      asset: mint,
      maxAmountRequired: '2000',
      payTo,
      maxTimeoutSeconds: 60,
      resource: 'http://localhost/paid',
      description: '',
      mimeType: 'application/json',
      extra: { feePayer: sponsor.address },
    } as const;
    let header: string | undefined;
    const merchant = (_input: unknown, init?: RequestInit): Promise<Response> => {
      header = new Headers(init?.headers).get('X-PAYMENT') ?? undefined;
      if (header !== undefined) return Promise.resolve(Response.json({ ok: true }));
      return Promise.resolve(Response.json({ x402Version: 1, accepts: [requirements] }, { status: 402 }));
    };
    const pay = wrapFetchWithPayment(merchant, buyer, undefined, undefined, {
      svmConfig: { rpcUrl: chain.url },
    });
    expect((await pay('http://localhost/paid', {})).status).toBe(200);
    const payload = JSON.parse(Buffer.from(header ?? '', 'base64').toString()) as never;
    const facilitator = new ExactSvmSchemeV1(facilitatorSigner('solana-devnet'));
    expect(await facilitator.verify(payload, requirements as never)).toMatchObject({ isValid: true });
    const before = chain.tokenBalance({ mint, owner: payTo });
    expect(await facilitator.settle(payload, requirements as never)).toMatchObject({ success: true });
    expect(chain.tokenBalance({ mint, owner: payTo })).toBe(before + 2000n);
  });
});

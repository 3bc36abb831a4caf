import { randomBytes } from 'node:crypto';
import {
  createKeyPairSignerFromPrivateKeyBytes,
  getBase58Decoder,
  getBase58Encoder,
  type KeyPairSigner,
} from '@solana/kit';
import { solanaDevnet } from '@tollkeeper/protocol';
import { ExactSvmScheme } from '@x402/svm/exact/client';
import type { SolanaChainRequest } from '../children/solana-chain.js';
import { forkPart } from '../processes/fork-part.js';
import { startRpcMeter } from '../processes/rpc-meter.js';
import type { Contender, Subject } from '../subject.js';
import { createPayee, startOwnFacilitator } from './own-facilitator.js';
import { requestBody } from './request-body.js';
import { maxTimeoutSeconds, type Testbed, type Workplace } from './testbed.js';

/** USDC of Solana devnet. */
const mint = '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU';
const buyerCount = 64;
/** Signing asks the node for a blockhash; this many payments are signed at once. */
const signersAtOnce = 16;

interface FeePayer {
  readonly address: string;
  readonly privateKeyBase58: string;
}

/** LiteSVM behind Solana JSON-RPC with slots of 400 ms, and buyers that hold test USDC. */
export async function startSvmTestbed(workplace: Workplace): Promise<Testbed> {
  const buyers = await Promise.all(Array.from({ length: buyerCount }, createSigner));
  const own = await createFeePayer();
  const others = await createFeePayer();
  const request: SolanaChainRequest = {
    mint,
    buyers: buyers.map(({ address }) => address),
    feePayers: [own.address, others.address],
  };
  const chain = await forkPart<{ url: string }>('solana-chain', request);
  const { url } = chain.ready;
  const payee = await createPayee(workplace, environmentOf(url, own));
  const clients = buyers.map((buyer) => new ExactSvmScheme(buyer, { rpcUrl: url }));
  let next = 0;

  async function signOne(feePayer: string): Promise<Buffer> {
    const client = clients[next++ % clients.length];
    if (client === undefined) throw new Error('There is no buyer');
    const requirements = {
      scheme: 'exact',
      network: solanaDevnet as `solana:${string}`,
      amount: '10000',
      asset: mint,
      payTo: payee,
      maxTimeoutSeconds,
      extra: { feePayer },
    };
    const { payload } = await client.createPaymentPayload(2, requirements);
    return requestBody(requirements, payload);
  }

  return {
    description: `LiteSVM, slots of 400 ms, ${buyerCount} buyers`,
    start: (contender) => startSubject(contender, { url, workplace, own, others }),
    async sign(subject, count) {
      const [feePayer = ''] = subject.signers;
      const bodies: Buffer[] = [];
      while (bodies.length < count) {
        const some = Math.min(signersAtOnce, count - bodies.length);
        bodies.push(...(await Promise.all(Array.from({ length: some }, () => signOne(feePayer)))));
      }
      return bodies;
    },
    setMining: () => Promise.resolve(),
    makeFinal: () => Promise.resolve(),
    watchSpending: () => Promise.resolve(() => Promise.resolve(undefined)),
    stop: () => chain.stop(),
  };
}

async function startSubject(
  contender: Contender,
  parts: { readonly url: string; readonly workplace: Workplace; readonly own: FeePayer; readonly others: FeePayer },
): Promise<Subject> {
  const meter = await startRpcMeter(parts.url);
  const feePayer = contender.kind === 'tollkeeper' ? parts.own : parts.others;
  const facilitator =
    contender.kind === 'tollkeeper'
      ? await startOwnFacilitator(parts.workplace, environmentOf(meter.url, feePayer))
      : await startReference(meter.url, feePayer);
  return {
    contender,
    url: facilitator.url,
    pid: facilitator.pid,
    signers: [feePayer.address],
    rpcCounts: () => meter.counts(),
    async stop() {
      await facilitator.stop();
      await meter.stop();
    },
  };
}

async function startReference(rpcUrl: string, { privateKeyBase58 }: FeePayer) {
  const part = await forkPart<{ url: string }>('reference-facilitator', { svm: { rpcUrl, privateKeyBase58 } });
  return { url: part.ready.url, pid: part.pid, stop: () => part.stop() };
}

function environmentOf(rpcUrl: string, feePayer: FeePayer): Readonly<Record<string, string>> {
  return { SVM_NETWORK: solanaDevnet, SVM_RPC_URL: rpcUrl, SVM_PRIVATE_KEY: feePayer.privateKeyBase58 };
}

function createSigner(): Promise<KeyPairSigner> {
  return createKeyPairSignerFromPrivateKeyBytes(randomBytes(32));
}

/** A key pair in the form that wallets export: seed and public key together. */
async function createFeePayer(): Promise<FeePayer> {
  const seed = randomBytes(32);
  const { address } = await createKeyPairSignerFromPrivateKeyBytes(seed);
  const publicKey = getBase58Encoder().encode(address);
  return { address, privateKeyBase58: getBase58Decoder().decode(Uint8Array.from([...seed, ...publicKey])) };
}

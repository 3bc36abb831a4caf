import { Keypair } from '@solana/web3.js';
import { sandboxKeys, type SolanaChain } from '@tollkeeper/sandbox';
import { setTimeout as sleep } from 'node:timers/promises';
import { encode, signTransaction, transferInstruction } from '../../svm/solana-payment.js';
import { pick } from '../../support/random.js';
import { devnetUsdc } from '../../support/test-facilitator.js';
import { svmRequest } from '../../support/wire.js';
import type { Chance, SoakPayment, Told } from '../network-under-test.js';
import { createPrices } from '../soak-prices.js';
import { askNode } from './ask-node.js';
import { readTransaction } from './sent-transaction.js';
import type { SlotRecord } from './slot-record.js';

const stranger = sandboxKeys.svm.stranger.address;

export type SvmPayments = ReturnType<typeof createSvmPayments>;

/** Payers with more money than they can spend here, some who have just enough for one payment, and what they sign. */
export function createSvmPayments(parts: {
  readonly chain: SolanaChain;
  readonly payTos: readonly string[];
  readonly slots: SlotRecord;
  readonly steady: number;
  readonly fickle: number;
}) {
  const { chain, payTos, slots } = parts;
  const nextPrice = createPrices();
  const steady = Array.from({ length: parts.steady }, () => fund(10n ** 15n));
  // Each is taken out when it pays.
  const fickle = Array.from({ length: parts.fickle }, () => {
    const price = nextPrice();
    return { payer: fund(price), price };
  });
  /** The slots of the blockhashes that the payers' signatures are for. */
  const slotOf = new Map<string, number>();
  /** Payments that a node refused because it had not heard of their blockhash. */
  const refused = new Set<string>();
  /** Payments whose transaction no node ever passes on. */
  const lost = new Set<string>();
  chain.fundToken({ mint: devnetUsdc, owner: stranger, amount: 0n });

  function fund(amount: bigint): Keypair {
    const payer = Keypair.generate();
    chain.fundToken({ mint: devnetUsdc, owner: payer.publicKey.toBase58(), amount });
    return payer;
  }

  async function sign(payer: Keypair, price: bigint, { random }: Chance) {
    const payTo = pick(random, payTos);
    const options = [{ commitment: pick(random, ['confirmed', 'finalized']) }];
    const latest = await askNode<LatestBlockhash>(chain.url, 'getLatestBlockhash', options);
    const { blockhash, lastValidBlockHeight } = latest.value;
    const request = await svmRequest(chain, { payTo, payer, blockhash, amount: price });
    const { payerSignature } = readTransaction(request.paymentPayload.payload['transaction'] as string);
    slotOf.set(payerSignature, latest.context.slot);
    const signed = { from: payer.publicKey.toBase58(), to: payTo, amount: price };
    return { request, signed, payerSignature, lastValidBlockHeight };
  }

  return {
    pay: async (chance: Chance): Promise<SoakPayment> => {
      const fate = chance.random();
      const regretful = fate < 0.08 ? fickle.pop() : undefined;
      const payer = regretful?.payer ?? pick(chance.random, steady);
      const { payerSignature, lastValidBlockHeight, ...signed } = await sign(
        payer,
        regretful?.price ?? nextPrice(),
        chance,
      );
      const isLost = fate >= 0.96;
      if (isLost) lost.add(payerSignature);
      // No block takes a payment after its blockhash has expired, whoever has the money.
      const hasExpired = ({ atMs }: Told) => slots.heightOf(slots.slotAt(atMs)) > lastValidBlockHeight;
      return {
        ...signed,
        isLeft: isLost,
        mayFail: (told) => regretful !== undefined || refused.has(payerSignature) || hasExpired(told),
        meddle: async () => (regretful === undefined ? undefined : moveAway(regretful.payer, chance)),
        onServed: () => undefined,
      };
    },
    slotOf: (payerSignature: string) => slotOf.get(payerSignature) ?? 0,
    isLost: (payerSignature: string) => lost.has(payerSignature),
    refusedByNode: (payerSignature: string) => void refused.add(payerSignature),
  };

  /** The payer thinks better of it a moment later. */
  async function moveAway(payer: Keypair, { random }: Chance): Promise<void> {
    // Some wait for a better occasion.
    if (random() < 0.3) return;
    await sleep(50 * random());
    const { value } = await askNode<LatestBlockhash>(chain.url, 'getLatestBlockhash', []);
    const authority = payer.publicKey;
    chain.fundSol(authority.toBase58(), 10_000_000n);
    const transaction = signTransaction({
      instructions: [transferInstruction({ authority, payTo: stranger })],
      feePayer: authority,
      signers: [payer],
      blockhash: value.blockhash,
    });
    await askNode(chain.url, 'sendTransaction', [encode(transaction), { encoding: 'base64', skipPreflight: true }]);
  }
}

interface LatestBlockhash {
  readonly context: { readonly slot: number };
  readonly value: { readonly blockhash: string; readonly lastValidBlockHeight: number };
}

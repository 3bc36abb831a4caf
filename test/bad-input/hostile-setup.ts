import { reasons, reasonText } from '@tollkeeper/protocol';
import { sandboxKeys } from '@tollkeeper/sandbox';
import { Connection, Keypair, PublicKey } from '@solana/web3.js';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { expect } from 'vitest';
import {
  startTestFacilitator,
  type TestFacilitator,
  type TestFacilitatorOptions,
} from '../support/test-facilitator.js';
import { evmRequest, svmRequest, type Family, type WireRequest } from '../support/wire.js';
import { sendJson, sendRaw, type Operation, type RawAnswer, type RawRequest } from './raw-request.js';
import { startStockReader } from './stock-reader.js';

/** Every word that an answer may give as its reason, in either protocol version. */
const everyReason: ReadonlySet<string> = new Set(
  reasons.flatMap((reason) => [reasonText(reason, 1), reasonText(reason, 2)]),
);

export type HostileSetup = Awaited<ReturnType<typeof startHostileSetup>>;

/** A facilitator, and everything that a caller who wishes it ill must not be able to change. */
export async function startHostileSetup(options?: TestFacilitatorOptions) {
  const [facilitator, reader] = await Promise.all([startTestFacilitator(options), startStockReader()]);
  const before = await belongings(facilitator);

  /** What a stock merchant reads from an answer, which must be one of a caller's mistakes or of a payment's. */
  async function read(operation: Operation, answer: RawAnswer) {
    expect(answer.status, answer.text).toBeLessThan(500);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    const { ok, reason } = await reader.read(operation, answer);
    if (!ok) expect(everyReason).toContain(reason);
    return { status: answer.status, ok, reason };
  }

  return {
    facilitator,
    url: () => facilitator.url(),
    read,
    ask: async (operation: Operation, value: unknown) =>
      read(operation, await sendJson(facilitator.url(), operation, value)),
    send: (request: RawRequest) => sendRaw(facilitator.url(), request),
    /** A payment that holds in every way but one: the payer has no money. So nothing that is made of it can ever be paid. */
    unfunded: (family: Family, offer: { payTo?: string } = {}): Promise<WireRequest> => {
      const { wallet, svm } = facilitator;
      return family === 'EVM'
        ? evmRequest({ payTo: offer.payTo ?? wallet.evm, privateKey: generatePrivateKey() })
        : svmRequest(svm, { payTo: offer.payTo ?? wallet.svm, payer: Keypair.generate() });
    },
    /** A payment whose payer is its own payee. */
    unfundedToItself(family: Family): Promise<WireRequest> {
      if (family === 'Solana') {
        const payer = Keypair.generate();
        return svmRequest(facilitator.svm, { payTo: payer.publicKey.toBase58(), payer });
      }
      const privateKey = generatePrivateKey();
      return evmRequest({ payTo: privateKeyToAddress(privateKey), privateKey });
    },
    /** Nothing was signed, nothing was broadcast, and no signer paid anything. */
    async expectNothingSpent() {
      expect(await belongings(facilitator)).toEqual(before);
    },
    async stop() {
      await Promise.all([facilitator.stop(), reader.stop()]);
    },
  };
}

async function belongings({ evm, svm, evmRpc, svmRpc, database }: TestFacilitator) {
  const signer = sandboxKeys.evm.facilitator.address;
  const { sql } = database.database;
  const [rows] = await sql<{ payments: bigint; signed: bigint }>`
    SELECT (SELECT count(*) FROM payment) AS payments, (SELECT count(*) FROM chain_transaction) AS signed`;
  return {
    wei: await evm.rpc('eth_getBalance', [signer, 'latest']),
    accountNonce: await evm.rpc('eth_getTransactionCount', [signer, 'pending']),
    lamports: await new Connection(svm.url, 'processed').getBalance(new PublicKey(sandboxKeys.svm.facilitator.address)),
    broadcasts: [evmRpc.calls('eth_sendRawTransaction'), svmRpc.calls('sendTransaction')],
    ...rows,
  };
}

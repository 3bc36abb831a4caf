import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@tollkeeper/database/testing';
import { createEvmNetwork, generateDepositKey as generateEvmKey } from '@tollkeeper/evm';
import { createLedger, type Ledger } from '@tollkeeper/ledger';
import {
  amount,
  baseSepolia,
  solanaDevnet,
  systemClock,
  type Asset,
  type Chain,
  type Network,
} from '@tollkeeper/protocol';
import {
  BASE_SEPOLIA_USDC,
  sandboxKeys,
  startEvmChain,
  startSolanaChain,
  type EvmChain,
  type SolanaChain,
} from '@tollkeeper/sandbox';
import { generateDepositKey as generateSvmKey } from '@tollkeeper/svm';
import { createSvmNetwork } from '@tollkeeper/svm/network';
import { devnetUsdc } from '../support/test-facilitator.js';
import { tamper } from './tamper.js';

export const evmUsdc: Asset = { network: baseSepolia, token: BASE_SEPOLIA_USDC };
export const svmUsdc: Asset = { network: solanaDevnet, token: devnetUsdc };

export interface SceneWallet {
  readonly id: string;
  readonly merchantId: string;
  readonly evm: string;
  readonly svm: string;
}

export interface Deposit {
  readonly asset: Asset;
  readonly wallet: SceneWallet;
  readonly amount: bigint;
}

/** Real chains, a real ledger and some wallets, where a test books what the service would book, without the service. */
export interface BooksScene {
  readonly db: TestDatabase;
  readonly evm: EvmChain;
  readonly svm: SolanaChain;
  readonly chains: readonly Chain[];
  readonly ledger: Ledger;
  readonly wallets: readonly SceneWallet[];
  /** Puts money on a deposit address, as somebody who pays. Answers the block that holds it. */
  moveOnChain(deposit: Deposit): Promise<bigint>;
  /** Books it as the settlement engine does; `block` is the one that holds it. Answers the effect. */
  book(deposit: Deposit, block: bigint): Promise<bigint>;
  /** Takes a credit back, as a reorg does. */
  reverse(effect: bigint, deposit: Deposit): Promise<void>;
  /** Makes a credit available, as finality does. */
  release(effect: bigint, deposit: Deposit): Promise<void>;
  /** Runs a statement as the server's superuser with every trigger off, as somebody who tampers. */
  tamper(statement: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startBooksScene(options: { readonly wallets?: number } = {}): Promise<BooksScene> {
  const [db, evm, svm] = await Promise.all([createTestDatabase(), startEvmChain(), startSolanaChain({ slotMs: 100 })]);
  svm.createToken({ mint: devnetUsdc, decimals: 6, program: 'token' });
  const ledger = createLedger({ database: db.database });
  const wallets: SceneWallet[] = [];
  for (let index = 0; index < (options.wallets ?? 3); index += 1) wallets.push(await addWallet(db, `wallet ${index}`));

  return {
    ...{ db, evm, svm, ledger, wallets, chains: chainsOf(evm, svm) },
    async moveOnChain({ asset, wallet, amount }) {
      if (asset.network === solanaDevnet) {
        svm.fundToken({ mint: devnetUsdc, owner: wallet.svm, amount });
        // What the sandbox makes out of nothing is seen by every commitment at once.
        return BigInt(svm.slot() - 64);
      }
      await evm.mint({ token: BASE_SEPOLIA_USDC, to: wallet.evm as `0x${string}`, amount });
      return BigInt((await evm.rpc('eth_blockNumber')) as string);
    },
    book: (deposit, block) => bookDeposit({ db, ledger }, deposit, block),
    async reverse(effect, deposit) {
      await db.database.transaction(async (sql) => {
        const [row] = await sql<{
          journalId: bigint;
        }>`SELECT journal_id AS "journalId" FROM effect WHERE id = ${effect}`;
        const [leg] = legsOf(deposit);
        if (row === undefined || leg === undefined) throw new Error('There is no such effect');
        const legs = [{ ...leg, debit: leg.credit, credit: leg.debit }];
        await ledger.post(sql, { scope: 'reversal', key: `${effect}/1`, legs, reverses: row.journalId });
        await sql`UPDATE effect SET reversed_at = now() WHERE id = ${effect}`;
      });
    },
    async release(effect, deposit) {
      await db.database.transaction(async (sql) => {
        const legs = legsOf(deposit).map((leg) => ({
          ...leg,
          debit: leg.credit,
          credit: { kind: 'merchant_available' as const, owner: leg.credit.owner },
        }));
        const { journalId } = await ledger.post(sql, { scope: 'release', key: effect.toString(), legs });
        await sql`UPDATE effect SET final_at = now(), release_journal_id = ${journalId} WHERE id = ${effect}`;
      });
    },
    tamper: (statement) => tamper(db, statement),
    async stop() {
      await Promise.all([evm.stop(), svm.stop(), db.drop()]);
    },
  };
}

function chainsOf(evm: EvmChain, svm: SolanaChain): readonly Chain[] {
  const parts = { clock: systemClock, onRpcCall: () => undefined, onWarning: () => undefined };
  const { facilitator } = sandboxKeys.evm;
  return [
    createEvmNetwork({
      ...parts,
      network: baseSepolia,
      rpcUrls: [evm.url],
      signerKeys: [facilitator.privateKey],
      assets: [BASE_SEPOLIA_USDC],
    }).chain,
    createSvmNetwork({
      ...parts,
      network: solanaDevnet,
      rpcUrls: [svm.url],
      feePayerKey: sandboxKeys.svm.facilitator.privateKeyBase58,
      assets: [devnetUsdc],
    }).chain,
  ];
}

async function addWallet({ database }: TestDatabase, name: string): Promise<SceneWallet> {
  const wallet = {
    id: randomUUID(),
    merchantId: randomUUID(),
    evm: generateEvmKey().address,
    svm: generateSvmKey().address,
  };
  const addresses: readonly [Network, string][] = [
    [baseSepolia, wallet.evm],
    [solanaDevnet, wallet.svm],
  ];
  await database.transaction(async (sql) => {
    await sql`INSERT INTO merchant (id, name) VALUES (${wallet.merchantId}::uuid, ${name})`;
    await sql`INSERT INTO wallet (id, merchant_id, name) VALUES (${wallet.id}::uuid, ${wallet.merchantId}::uuid, ${name})`;
    for (const [network, address] of addresses) {
      await sql`
        INSERT INTO deposit_address (network, address, wallet_id, encrypted_key, key_version)
        VALUES (${network}, ${address}, ${wallet.id}::uuid, '', 1)`;
    }
  });
  return wallet;
}

function addressOf({ asset, wallet }: Deposit): string {
  return asset.network === solanaDevnet ? wallet.svm : wallet.evm;
}

function legsOf(deposit: Deposit) {
  return [
    {
      debit: { kind: 'custody' as const, owner: addressOf(deposit) },
      credit: { kind: 'merchant_pending' as const, owner: deposit.wallet.id },
      asset: deposit.asset,
      amount: amount(deposit.amount),
    },
  ];
}

function bookDeposit(
  { db, ledger }: { readonly db: TestDatabase; readonly ledger: Ledger },
  deposit: Deposit,
  block: bigint,
): Promise<bigint> {
  const transaction = randomUUID();
  return db.database.transaction(async (sql) => {
    const assetId = await ledger.assetId(sql, deposit.asset);
    const { journalId } = await ledger.post(sql, { scope: 'effect', key: transaction, legs: legsOf(deposit) });
    const [row] = await sql<{ id: bigint }>`
      INSERT INTO effect (network, transaction, position, asset_id, sender, recipient, amount, block_number, block_hash, journal_id)
      VALUES (${deposit.asset.network}, ${transaction}, '0', ${assetId}, 'somebody', ${addressOf(deposit)}, ${deposit.amount},
        ${block}, 'hash', ${journalId})
      RETURNING id`;
    return row?.id ?? 0n;
  });
}

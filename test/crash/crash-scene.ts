import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '@tollkeeper/database/testing';
import { composeService, composeWallets, createLogger, type Checkpoint } from '@tollkeeper/facilitator';
import type { EvmChain, SolanaChain } from '@tollkeeper/sandbox';
import { expect } from 'vitest';
import { findBookProblems } from '../support/books.js';
import { configOf } from '../support/test-facilitator.js';
import { settle, type WireRequest } from '../support/wire.js';
import { doomedFacilitator, startFacilitatorProcess } from './facilitator-process.js';

/** The one chain of a test file. */
export interface CrashChain {
  readonly evm?: EvmChain;
  readonly svm?: SolanaChain;
  /** Variables of a facilitator on this chain, with a signer that no other scene has where signers number their transactions. */
  variables(): Promise<Readonly<Record<string, string>>>;
  request(payTo: string): Promise<WireRequest>;
  /** Every transaction that brought tokens to an address, or touched its token account. */
  arrivals(address: string): Promise<readonly string[]>;
  /** How many transactions of the scene's signer are mined; undefined where signers do not number them. */
  minedTransactions(variables: Readonly<Record<string, string>>): Promise<number | undefined>;
}

export type CrashScene = Awaited<ReturnType<typeof createCrashScene>>;

/** A database and a merchant's wallet of their own, on a shared chain, for one crash and what comes after it. */
export async function createCrashScene(chain: CrashChain) {
  const [dataDir, testDatabase, variables] = await Promise.all([
    mkdtemp(join(tmpdir(), 'tollkeeper-crash-')),
    createTestDatabase(),
    chain.variables(),
  ]);
  const { database } = testDatabase;
  const env = { ENVIRONMENT: 'development', DATA_DIR: dataDir, DATABASE_URL: testDatabase.url, ...variables };
  const config = configOf(env);
  const log = createLogger({ level: 'silent' });
  const payTo = await createDepositAddress();
  const arrivedBefore = await chain.arrivals(payTo);
  let service: Awaited<ReturnType<typeof composeService>> | undefined;

  async function createDepositAddress(): Promise<string> {
    const custody = await composeWallets(config, log);
    const { addresses } = await custody.wallets.create({ merchant: 'test', name: 'main' });
    await custody.close();
    return addresses[0]?.address ?? expect.fail('the wallet has no address');
  }

  return {
    /** A payment that no facilitator has seen yet. */
    request: () => chain.request(payTo),

    /** Sends a payment to a facilitator that dies at the checkpoint, and sees it die. Answers what was sent. */
    async settleAndDie(checkpoint: Checkpoint): Promise<WireRequest> {
      const doomed = await startFacilitatorProcess({ program: doomedFacilitator, args: [checkpoint], env });
      const request = await chain.request(payTo);
      await expect(settle(doomed.url, request)).rejects.toThrow('fetch failed');
      expect(await doomed.exited).toEqual({ code: null, signal: 'SIGKILL' });
      return request;
    },

    /** Starts a fresh facilitator on what the dead one left. */
    async start(): Promise<string> {
      service = await composeService(config, log);
      return service.app.listen({ host: '127.0.0.1', port: 0 });
    },

    /** What the chain and the books have: each is one line per payment if nothing went wrong. */
    async outcome() {
      const arrived = await chain.arrivals(payTo);
      const [credits] = await database.sql<{ count: bigint; total: bigint }>`
        SELECT count(*) AS count, coalesce(sum(transfer.amount), 0) AS total
        FROM journal JOIN transfer ON transfer.journal_id = journal.id WHERE journal.scope = 'effect'`;
      return {
        transfers: arrived.filter((id) => !arrivedBefore.includes(id)),
        credits: { count: Number(credits?.count), total: credits?.total },
        payments: await paymentStates(),
        problems: await findBookProblems({ database, evm: chain.evm, svm: chain.svm }),
      };
    },

    paymentStates,

    /** The account nonces that were signed, and how many the chain has mined. */
    async accountNonces() {
      const rows = await database.sql<{ accountNonce: bigint | null }>`
        SELECT account_nonce AS "accountNonce" FROM chain_transaction ORDER BY id`;
      return { signed: rows.map((row) => row.accountNonce), mined: await chain.minedTransactions(variables) };
    },

    async stop(): Promise<void> {
      await service?.close();
      await testDatabase.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };

  async function paymentStates(): Promise<readonly string[]> {
    const rows = await database.sql<{ state: string }>`SELECT state FROM payment ORDER BY claimed_at`;
    return rows.map(({ state }) => state);
  }
}

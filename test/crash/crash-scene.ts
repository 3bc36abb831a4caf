import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '@tollkeeper/database/testing';
import { composeService, composeWallets, createLogger, type Checkpoint, type Overrides } from '@tollkeeper/facilitator';
import { startRpcProxy, type EvmChain, type RpcProxy, type SolanaChain } from '@tollkeeper/sandbox';
import { expect } from 'vitest';
import { findBookProblems } from '../support/books.js';
import { configOf } from '../support/test-facilitator.js';
import { settle, type WireRequest } from '../support/wire.js';
import { doomedFacilitator, startFacilitatorProcess, type FacilitatorProcess } from './facilitator-process.js';

/**
 * Whoever asks waits for the leases of the dead however busy the machine is, and nothing is outbid or given up meanwhile: a test
 * counts what is signed.
 */
const patience = { SETTLE_WAIT_MS: '60000', RPC_TIMEOUT_MS: '60000', REPLACE_AFTER_MS: '600000' };

/** The one chain of a test file. */
export interface CrashChain {
  readonly evm?: EvmChain;
  readonly svm?: SolanaChain;
  readonly rpcUrl: string;
  /** The JSON-RPC method that takes transactions. */
  readonly sendMethod: string;
  /** Variables of a facilitator on this chain, with a signer that no other scene has where signers number their transactions. */
  variables(rpcUrl: string): Promise<Readonly<Record<string, string>>>;
  request(payTo: string): Promise<WireRequest>;
  /** Every transaction that brought tokens to an address, or touched its token account. */
  arrivals(address: string): Promise<readonly string[]>;
  /** How many transactions of the scene's signer are mined; undefined where signers do not number them. */
  minedTransactions(variables: Readonly<Record<string, string>>): Promise<number | undefined>;
}

/**
 * Where a facilitator dies: at a checkpoint of its own, or while it sends a transaction that the node has not seen (`sending`) or
 * has taken (`sent`).
 */
export type Doom = Checkpoint | 'sending' | 'sent';

export type CrashScene = Awaited<ReturnType<typeof createCrashScene>>;

/** A database and a merchant's wallet of their own, on a shared chain, for one crash and what comes after it. */
export async function createCrashScene(chain: CrashChain) {
  const [dataDir, testDatabase, proxy] = await Promise.all([
    mkdtemp(join(tmpdir(), 'tollkeeper-crash-')),
    createTestDatabase(),
    startRpcProxy({ target: chain.rpcUrl }),
  ]);
  const variables = await chain.variables(proxy.url);
  const { database } = testDatabase;
  const env = {
    ENVIRONMENT: 'development',
    DATA_DIR: dataDir,
    DATABASE_URL: testDatabase.url,
    ...patience,
    ...variables,
  };
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

    payTo,
    proxy,
    /** For what only the owner of the database may do. */
    ownerUrl: testDatabase.ownerUrl,

    /** Starts a facilitator that dies when it comes to a place for the given time, and that looks after things so often. */
    async startDoomed(doom: Doom, time = 1, tendMs?: number): Promise<FacilitatorProcess> {
      const args = [doom, time, tendMs ?? []].flat().map(String);
      const doomed = await startFacilitatorProcess({ program: doomedFacilitator, args, env });
      if (doom === 'sending' || doom === 'sent') killWhileSending(proxy, { doomed, doom, time, ...chain });
      return doomed;
    },

    /** Sends a payment to a facilitator that dies there, and sees it die. Answers what was sent. */
    async settleAndDie(doom: Doom): Promise<WireRequest> {
      const doomed = await this.startDoomed(doom);
      const request = await chain.request(payTo);
      await expect(settle(doomed.url, request)).rejects.toThrow('fetch failed');
      expect(await doomed.exited).toEqual({ code: null, signal: 'SIGKILL' });
      return request;
    },

    /** Starts a fresh facilitator on what the dead one left. */
    async start(overrides?: Overrides): Promise<string> {
      proxy.reset();
      service = await composeService(config, log, overrides);
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

    /** How many payments each stored transaction carries, in the order of signing. */
    async legs(): Promise<readonly number[]> {
      const rows = await database.sql<{ legs: bigint }>`
        SELECT count(*) AS legs FROM transaction_leg GROUP BY transaction_id ORDER BY transaction_id`;
      return rows.map(({ legs }) => Number(legs));
    },

    /** The account nonces that were signed, and how many the chain has mined. */
    async accountNonces() {
      const rows = await database.sql<{ accountNonce: bigint | null }>`
        SELECT account_nonce AS "accountNonce" FROM chain_transaction ORDER BY id`;
      return { signed: rows.map((row) => row.accountNonce), mined: await chain.minedTransactions(variables) };
    },

    async stop(): Promise<void> {
      await service?.close();
      await proxy.stop();
      await testDatabase.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };

  async function paymentStates(): Promise<readonly string[]> {
    const rows = await database.sql<{ state: string }>`SELECT state FROM payment ORDER BY claimed_at`;
    return rows.map(({ state }) => state);
  }
}

/** Kills the process while the node gets its transaction of this number; the same bytes sent again are one. */
function killWhileSending(
  proxy: RpcProxy,
  { doomed, doom, time, sendMethod }: { doomed: FacilitatorProcess; doom: Doom; time: number; sendMethod: string },
): void {
  const sent = new Set<string>();
  proxy.use(({ method, params }) => {
    if (method !== sendMethod || sent.add(JSON.stringify(params)).size < time) return undefined;
    doomed.kill('SIGKILL');
    return { kind: doom === 'sent' ? 'pass' : 'drop' };
  });
}

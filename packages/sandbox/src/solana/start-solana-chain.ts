import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openJournal } from './journal.js';
import { createLocalNode } from './local-node.js';
import { accountMethods } from './methods/account-methods.js';
import { clusterMethods } from './methods/cluster-methods.js';
import { historyMethods } from './methods/history-methods.js';
import type { NodeContext } from './methods/node-context.js';
import { transactionMethods } from './methods/transaction-methods.js';
import { createRpcServer, type RpcMethod } from './rpc-server.js';
import type { CommitmentLag } from './slot-clock.js';
import type { TokenIssuer } from './token-issuer.js';
import type { TransactionError } from './transaction-error.js';

/** The genesis hash of Solana devnet, which this chain answers as its own. */
export const devnetGenesisHash = 'EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG';

export interface SolanaChainOptions {
  /** TCP port; 0, the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Milliseconds of a slot; 400 by default. */
  readonly slotMs?: number;
  /** Where the chain is kept across restarts; without it, the chain ends with the process. */
  readonly stateFile?: string;
  /** How many slots each commitment is behind; 1 and 31 by default. */
  readonly commitmentLag?: CommitmentLag;
  /** Request bodies above this are refused; 51,200 by default, as on a node. */
  readonly maxBodyBytes?: number;
}

/** What a test wants to know of a transaction that is in a block. */
export interface LandedSummary {
  readonly signature: string;
  readonly slot: number;
  /** Null for success. */
  readonly err: TransactionError | null;
  /** Hex sha256 of the message bytes. */
  readonly messageHash: string;
}

/** A running local chain that answers Solana JSON-RPC as devnet. */
export interface SolanaChain extends TokenIssuer {
  readonly url: string;
  readonly port: number;
  readonly genesisHash: string;
  /** The key that may mint and freeze every token made by `createToken`: 64 bytes, worthless elsewhere. */
  readonly mintAuthority: { readonly address: string; readonly secretKey: Uint8Array };
  /** Transactions in blocks, oldest first; tokens and lamports issued from outside are not among them. */
  landedTransactions(): LandedSummary[];
  slot(): number;
  advanceSlots(slots: number): void;
  /** Stops time; `advanceSlots` still works. */
  pauseSlots(): void;
  resumeSlots(): void;
  /** Writes the state through and closes every socket. */
  stop(): Promise<void>;
}

/** Starts a local Solana chain over the real Solana VM. */
export async function startSolanaChain(options: SolanaChainOptions = {}): Promise<SolanaChain> {
  const { port = 0, host = '127.0.0.1', slotMs = 400, maxBodyBytes = 50 * 1024 } = options;
  const lag = options.commitmentLag ?? { confirmed: 1, finalized: 31 };
  const journal = openJournal(options.stateFile);
  const { context, issuer, slots, mintAuthority } = createLocalNode({
    journal,
    genesisHash: devnetGenesisHash,
    slotMs,
    lag,
  });
  const { clock, history } = context;
  const server = createRpcServer({ methods: methodsOf(context), maxBodyBytes });
  const bound = await listen(server, { port, host }).catch((error: unknown) => {
    journal.close(clock.slot());
    throw error;
  });
  slots.resume();
  return {
    ...issuer,
    url: `http://${host}:${String(bound)}`,
    port: bound,
    genesisHash: devnetGenesisHash,
    mintAuthority: { address: mintAuthority.address, secretKey: mintAuthority.secretKey },
    landedTransactions: () =>
      history.all().map(({ signature, slot, messageHash, meta: { err } }) => ({ signature, slot, err, messageHash })),
    slot: () => clock.slot(),
    advanceSlots: slots.advance,
    pauseSlots: slots.pause,
    resumeSlots: slots.resume,
    async stop() {
      slots.pause();
      if (!server.listening) return;
      await closeServer(server);
      journal.close(clock.slot());
    },
  };
}

function methodsOf(node: NodeContext): ReadonlyMap<string, RpcMethod> {
  return new Map(
    Object.entries({
      ...clusterMethods(node),
      ...accountMethods(node),
      ...transactionMethods(node),
      ...historyMethods(node),
    }),
  );
}

function listen(server: Server, { port, host }: { port: number; host: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

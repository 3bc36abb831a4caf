import type { AddressInfo } from 'node:net';
import { createAccountStore } from './account-store.js';
import { createBank } from './bank.js';
import { createFaucet } from './faucet.js';
import { openJournal } from './journal.js';
import { localKey } from './local-key.js';
import { accountMethods } from './methods/account-methods.js';
import { clusterMethods } from './methods/cluster-methods.js';
import { historyMethods } from './methods/history-methods.js';
import type { NodeContext } from './methods/node-context.js';
import { transactionMethods } from './methods/transaction-methods.js';
import { createRpcServer, type RpcMethod } from './rpc-server.js';
import { createSlotClock, genesisSlot, slotsPerEpoch, type CommitmentLag, type SlotClock } from './slot-clock.js';
import { createTokenIssuer, type TokenIssuer } from './token-issuer.js';
import type { TransactionError } from './transaction-error.js';
import { createTransactionHistory } from './transaction-history.js';
import { createVm } from './vm.js';

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
  const journal = openJournal(options.stateFile);
  const { formerLife } = journal;
  const vm = createVm();
  const clock = createSlotClock({
    seed: formerLife.seed,
    slot: formerLife.nextSlot ?? genesisSlot,
    lag: options.commitmentLag ?? { confirmed: 1, finalized: 31 },
  });
  const accounts = createAccountStore({ vm, clock });
  const history = createTransactionHistory();
  for (const [address, account] of formerLife.accounts) {
    if (account !== undefined) accounts.write(address, account);
  }
  for (const landed of formerLife.landed) history.add(landed);

  const bank = createBank({ vm, accounts, clock, history, now: () => new Date(), onLanded: journal.landed });
  const authority = localKey('mint authority');
  const faucetKey = localKey('faucet');
  const issuer = createTokenIssuer({
    vm,
    accounts,
    authority,
    onChanged: (addresses) => {
      journal.accounts(addresses.map((address) => [address, accounts.read(address)]));
    },
  });
  const slots = createSlotTimer({ slotMs, clock, onSlot });
  function onSlot(): void {
    const slot = clock.slot();
    journal.slot(slot);
    accounts.prune();
    vm.setClock({ slot, epoch: Math.floor(slot / slotsPerEpoch), unixTimestamp: Math.floor(Date.now() / 1000) });
  }
  onSlot();
  for (const key of [authority, faucetKey]) {
    if ((accounts.read(key.address)?.lamports ?? 0n) < richLamports) issuer.fundSol(key.address, richLamports);
  }

  const node: NodeContext = {
    genesisHash: devnetGenesisHash,
    identity: localKey('validator').address,
    clock,
    accounts,
    bank,
    history,
    vm,
    blockTime: (slot) => history.inSlot(slot)[0]?.blockTime ?? slots.timeOf(slot),
    airdrop: createFaucet({ bank, clock, key: faucetKey }),
  };
  const server = createRpcServer({ methods: methodsOf(node), maxBodyBytes });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  slots.resume();
  const bound = (server.address() as AddressInfo).port;

  return {
    ...issuer,
    url: `http://${host}:${String(bound)}`,
    port: bound,
    genesisHash: devnetGenesisHash,
    mintAuthority: { address: authority.address, secretKey: authority.secretKey },
    landedTransactions: () =>
      history.all().map(({ signature, slot, messageHash, meta: { err } }) => ({ signature, slot, err, messageHash })),
    slot: () => clock.slot(),
    advanceSlots: slots.advance,
    pauseSlots: slots.pause,
    resumeSlots: slots.resume,
    async stop() {
      slots.pause();
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      server.closeAllConnections();
      await closed;
      journal.close(clock.slot());
    },
  };
}

/** Enough for every airdrop of a long test: a hundred million SOL. */
const richLamports = 100_000_000_000_000_000n;

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

interface SlotTimer {
  resume(): void;
  pause(): void;
  advance(slots: number): void;
  timeOf(slot: number): number;
}

/** Advances the clock with the wall clock; a stalled process catches up, as a node does. */
function createSlotTimer(parts: { slotMs: number; clock: SlotClock; onSlot: () => void }): SlotTimer {
  const { slotMs, clock, onSlot } = parts;
  let timer: NodeJS.Timeout | undefined;
  let lastSlotAt = Date.now();
  const advance = (slots: number): void => {
    clock.advance(slots);
    onSlot();
  };
  const tick = (): void => {
    const passed = Math.floor((Date.now() - lastSlotAt) / slotMs);
    if (passed < 1) return;
    lastSlotAt += passed * slotMs;
    advance(passed);
  };
  return {
    resume() {
      if (timer !== undefined) return;
      lastSlotAt = Date.now();
      timer = setInterval(tick, slotMs);
    },
    pause() {
      clearInterval(timer);
      timer = undefined;
    },
    advance,
    timeOf: (slot) => Math.floor((lastSlotAt - (clock.slot() - slot) * slotMs) / 1000),
  };
}

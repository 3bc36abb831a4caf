import type { AccountChange, AccountStore } from './account-store.js';
import { addressLookupTableProgram, resolveLookups } from './address-tables.js';
import { readBalances, type Balances } from './balances.js';
import { encodeBase58 } from './base58.js';
import { transactionFee } from './fees.js';
import type { LandedTransaction, LoadedAddresses } from './landed-transaction.js';
import { transactionMemo } from './memo.js';
import { blockhashLifetime, type SlotClock } from './slot-clock.js';
import type { TransactionHistory } from './transaction-history.js';
import { isStaticKeyWritable, type ParsedTransaction } from './transaction-parser.js';
import type { Vm, VmOutcome } from './vm.js';

/** A transaction whose account keys are all known. */
export interface ResolvedTransaction extends ParsedTransaction {
  readonly loaded: LoadedAddresses;
  /** Static keys, then loaded writable ones, then loaded read-only ones: the order of the runtime. */
  readonly allKeys: readonly string[];
}

export interface RunOptions {
  readonly verifySignatures: boolean;
  readonly replaceBlockhash?: boolean;
}

/** Runs transactions under the rules that the VM leaves to the node: blockhash age, replay, and history. */
export interface Bank {
  /** Finds the keys of lookup tables; a string names the transaction error. */
  resolve(transaction: ParsedTransaction): ResolvedTransaction | string;
  simulate(transaction: ResolvedTransaction, options: RunOptions): VmOutcome;
  /** Runs a transaction for real; the result is undefined when it was dropped without being charged. */
  land(transaction: ResolvedTransaction): LandedTransaction | undefined;
}

export interface BankParts {
  readonly vm: Vm;
  readonly accounts: AccountStore;
  readonly clock: SlotClock;
  readonly history: TransactionHistory;
  readonly now: () => Date;
  /** Called once for each transaction that landed, before anyone can read about it. */
  readonly onLanded: (landed: LandedTransaction, changes: readonly AccountChange[]) => void;
}

const refused = (err: string): VmOutcome => ({
  err,
  charged: false,
  logs: [],
  unitsConsumed: 0n,
  innerInstructions: [],
  returnData: null,
  postAccounts: () => new Map(),
});

export function createBank(parts: BankParts): Bank {
  const { vm, accounts, clock, history } = parts;
  let slotHashesAt = -1;

  /** The order of the runtime: an expired blockhash is told before a replay. */
  const refusal = (transaction: ParsedTransaction, replaceBlockhash = false): string | undefined => {
    if (!replaceBlockhash && clock.slotOfLiveBlockhash(transaction.message.recentBlockhash) === undefined) {
      return 'BlockhashNotFound';
    }
    return history.byMessageHash(transaction.messageHash) === undefined ? undefined : 'AlreadyProcessed';
  };
  /** Only lookup tables read the slot hashes, and writing them is slow. */
  const refreshSlotHashes = (transaction: ResolvedTransaction): void => {
    const uses = transaction.loaded.writable.length + transaction.loaded.readonly.length > 0;
    if (!uses && !transaction.message.accountKeys.includes(addressLookupTableProgram)) return;
    if (slotHashesAt === clock.slot()) return;
    slotHashesAt = clock.slot();
    const slots = Array.from({ length: blockhashLifetime }, (_, age) => slotHashesAt - 1 - age);
    vm.setSlotHashes(slots.map((slot) => ({ slot, hash: clock.blockhash(slot) })));
  };

  return {
    resolve(transaction) {
      const loaded = resolveLookups(transaction.message, accounts);
      if (typeof loaded === 'string') return loaded;
      const allKeys = [...transaction.message.accountKeys, ...loaded.writable, ...loaded.readonly];
      if (allKeys.length > maxAccountLocks) return 'TooManyAccountLocks';
      return { ...transaction, loaded, allKeys };
    },
    simulate(transaction, options) {
      const refusedFor = refusal(transaction, options.replaceBlockhash);
      if (refusedFor !== undefined && !options.verifySignatures) return refused(refusedFor);
      refreshSlotHashes(transaction);
      const outcome = vm.simulate(transaction.wire, options);
      // A node checks signatures before it looks at the blockhash.
      return refusedFor === undefined || outcome.err === 'SignatureFailure' ? outcome : refused(refusedFor);
    },
    land(transaction) {
      if (refusal(transaction) !== undefined) return undefined;
      refreshSlotHashes(transaction);
      const before = readBalances(transaction.allKeys, accounts);
      const outcome = vm.execute(transaction.wire, { verifySignatures: true });
      if (!outcome.charged) return undefined;
      const changes = accounts.absorb(writableKeys(transaction));
      const after = readBalances(transaction.allKeys, accounts);
      const run = { slot: clock.slot(), landedAt: parts.now(), outcome, before, after };
      const landed = recordRun(transaction, run);
      parts.onLanded(landed, changes);
      history.add(landed);
      return landed;
    },
  };
}

interface Run {
  readonly slot: number;
  readonly landedAt: Date;
  readonly outcome: VmOutcome;
  readonly before: Balances;
  readonly after: Balances;
}

function recordRun(transaction: ResolvedTransaction, run: Run): LandedTransaction {
  const { outcome, before, after } = run;
  return {
    signature: firstSignature(transaction),
    slot: run.slot,
    blockTime: Math.floor(run.landedAt.getTime() / 1000),
    messageHash: transaction.messageHash,
    memo: transactionMemo(transaction.message),
    wire: transaction.wire,
    accountKeys: transaction.allKeys,
    meta: {
      err: outcome.err,
      fee: transactionFee(transaction.message).toString(),
      preBalances: before.lamports,
      postBalances: after.lamports,
      preTokenBalances: before.tokens,
      postTokenBalances: after.tokens,
      logMessages: outcome.logs,
      innerInstructions: outcome.innerInstructions,
      loadedAddresses: transaction.loaded,
      computeUnitsConsumed: Number(outcome.unitsConsumed),
      returnData: outcome.returnData,
    },
  };
}

/** The runtime locks at most this many accounts for one transaction. */
const maxAccountLocks = 128;

/** A transaction goes by its first signature, whoever made the others. */
export function firstSignature(transaction: ParsedTransaction): string {
  return encodeBase58(transaction.signatures[0] ?? new Uint8Array(64));
}

function writableKeys({ message, loaded }: ResolvedTransaction): string[] {
  return [...message.accountKeys.filter((_, index) => isStaticKeyWritable(message, index)), ...loaded.writable];
}

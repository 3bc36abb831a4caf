import internal from 'litesvm/dist/internal.js';
import { addressBytes, encodeBase58 } from './base58.js';
import { instructionErrorNames, transactionErrorNames, type TransactionError } from './transaction-error.js';

/** An account as the chain stores it; lamports are bigint. */
export interface ChainAccount {
  readonly lamports: bigint;
  readonly owner: string;
  readonly data: Uint8Array;
  readonly executable: boolean;
}

export interface InnerInstructions {
  readonly index: number;
  readonly instructions: readonly {
    readonly programIdIndex: number;
    readonly accounts: readonly number[];
    readonly data: string;
    readonly stackHeight: number;
  }[];
}

export interface ReturnData {
  readonly programId: string;
  readonly data: readonly [string, 'base64'];
}

/** What the VM says about one run of a transaction. */
export interface VmOutcome {
  readonly err: TransactionError | null;
  /** False when the transaction was refused before it could be charged, and so changed nothing. */
  readonly charged: boolean;
  readonly logs: readonly string[];
  readonly unitsConsumed: bigint;
  readonly innerInstructions: readonly InnerInstructions[];
  readonly returnData: ReturnData | null;
  /** Reads accounts after a simulation; none for an execution, whose effects are read from the VM itself. */
  readonly postAccounts: () => ReadonlyMap<string, ChainAccount>;
}

export interface VmClock {
  readonly slot: number;
  readonly epoch: number;
  readonly unixTimestamp: number;
}

/** The real Solana VM, holding accounts and running transactions that were parsed before. */
export interface Vm {
  account(address: string): ChainAccount | undefined;
  setAccount(address: string, account: ChainAccount): void;
  simulate(wire: Uint8Array, options: { verifySignatures: boolean }): VmOutcome;
  execute(wire: Uint8Array, options: { verifySignatures: boolean }): VmOutcome;
  setClock(clock: VmClock): void;
  setSlotHashes(hashes: readonly { slot: number; hash: string }[]): void;
  rentExemption(dataLength: bigint): bigint;
}

/** Accounts that pay no rent carry this epoch. */
export const rentExemptEpoch = 18446744073709551615n;

const none = (): ReadonlyMap<string, ChainAccount> => new Map();

/**
 * Starts a VM with the standard programs. Its own blockhash check and history are off: it knows one blockhash and forgets
 * old transactions, so the bank around it keeps both.
 */
export function createVm(): Vm {
  const svm = new internal.LiteSvm();
  svm.setBlockhashCheck(false);
  svm.setTransactionHistory(0n);
  let verifies = true;
  const verifySignatures = (wanted: boolean): void => {
    if (wanted === verifies) return;
    svm.setSigverify(wanted);
    verifies = wanted;
  };
  svm.setSigverify(verifies);
  return {
    account(address) {
      const account = svm.getAccount(addressBytes(address));
      return account === null ? undefined : readAccount(account);
    },
    setAccount(address, account) {
      const { lamports, data, owner, executable } = account;
      svm.setAccount(
        addressBytes(address),
        new internal.Account(lamports, data, addressBytes(owner), executable, rentExemptEpoch),
      );
    },
    simulate(wire, options) {
      verifySignatures(options.verifySignatures);
      const result = svm.simulateVersionedTransaction(wire);
      return result instanceof internal.SimulatedTransactionInfo
        ? readOutcome(result.meta(), null, () => readAccounts(result.postAccounts()))
        : readOutcome(result.meta(), readError(result.err()));
    },
    execute(wire, options) {
      verifySignatures(options.verifySignatures);
      const result = svm.sendVersionedTransaction(wire);
      return result instanceof internal.TransactionMetadata
        ? readOutcome(result, null)
        : readOutcome(result.meta(), readError(result.err()));
    },
    setClock({ slot, epoch, unixTimestamp }) {
      const now = BigInt(unixTimestamp);
      svm.setClock(new internal.Clock(BigInt(slot), now, BigInt(epoch), BigInt(epoch + 1), now));
    },
    setSlotHashes(hashes) {
      svm.setSlotHashes(hashes.map(({ slot, hash }) => ({ slot: BigInt(slot), hash })));
    },
    rentExemption: (dataLength) => svm.minimumBalanceForRentExemption(dataLength),
  };
}

function readAccount(account: internal.Account): ChainAccount | undefined {
  const lamports = account.lamports();
  if (lamports === 0n) return undefined;
  return { lamports, data: account.data(), owner: encodeBase58(account.owner()), executable: account.executable() };
}

function readAccounts(accounts: readonly internal.AddressAndAccount[]): ReadonlyMap<string, ChainAccount> {
  const read = new Map<string, ChainAccount>();
  for (const entry of accounts) {
    const account = readAccount(entry.account());
    if (account !== undefined) read.set(encodeBase58(entry.address), account);
  }
  return read;
}

function readOutcome(
  meta: internal.TransactionMetadata,
  err: TransactionError | null,
  postAccounts: () => ReadonlyMap<string, ChainAccount> = none,
): VmOutcome {
  const returnData = meta.returnData();
  const returned = returnData.data();
  return {
    err,
    // The VM leaves the signature at zero when it refused the transaction before charging it.
    charged: err === null || meta.signature().some((byte) => byte !== 0),
    logs: meta.logs(),
    unitsConsumed: meta.computeUnitsConsumed(),
    innerInstructions: readInner(meta.innerInstructions()),
    returnData:
      returned.length === 0
        ? null
        : {
            programId: encodeBase58(returnData.programId()),
            data: [Buffer.from(returned).toString('base64'), 'base64'],
          },
    postAccounts,
  };
}

function readInner(all: readonly (readonly internal.InnerInstruction[])[]): InnerInstructions[] {
  return all.flatMap((list, index) => {
    if (list.length === 0) return [];
    const instructions = list.map((inner) => {
      const instruction = inner.instruction();
      return {
        programIdIndex: instruction.programIdIndex(),
        accounts: [...instruction.accounts()],
        data: encodeBase58(instruction.data()),
        stackHeight: inner.stackHeight(),
      };
    });
    return [{ index, instructions }];
  });
}

type VmError = ReturnType<internal.FailedTransactionMetadata['err']>;

function readError(error: VmError): TransactionError {
  if (typeof error === 'number') return transactionErrorNames[error] ?? 'SanitizeFailure';
  if (error instanceof internal.TransactionErrorInstructionError) {
    const cause = error.err();
    if (typeof cause === 'number') {
      return { InstructionError: [error.index, instructionErrorNames[cause] ?? 'GenericError'] };
    }
    if (cause instanceof internal.InstructionErrorCustom) {
      return { InstructionError: [error.index, { Custom: cause.code }] };
    }
    return { InstructionError: [error.index, { BorshIoError: cause.msg }] };
  }
  if (error instanceof internal.TransactionErrorDuplicateInstruction) return { DuplicateInstruction: error.index };
  if (error instanceof internal.TransactionErrorInsufficientFundsForRent) {
    return { InsufficientFundsForRent: { account_index: error.accountIndex } };
  }
  return { ProgramExecutionTemporarilyRestricted: { account_index: error.accountIndex } };
}

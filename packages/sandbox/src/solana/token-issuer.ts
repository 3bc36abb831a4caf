import type { AccountStore } from './account-store.js';
import { associatedTokenAddress, associatedTokenProgram } from './associated-token-address.js';
import { addressBytes } from './base58.js';
import type { LocalKey } from './local-key.js';
import { assembleTransaction, buildMessage, type Instruction } from './message-builder.js';
import { readMint, readTokenAccount, token2022Program, tokenProgram } from './token-account.js';
import type { Vm } from './vm.js';

const systemProgram = '11111111111111111111111111111111';
const anyBlockhash = systemProgram;

/** A Token-2022 fee that each transfer takes from what the receiver gets. */
export interface TransferFee {
  readonly basisPoints: number;
  readonly maximumFee: bigint;
}

export interface TokenSpec {
  readonly mint: string;
  readonly decimals: number;
  readonly program: 'token' | 'token-2022';
  readonly transferFee?: TransferFee;
}

/** Makes tokens and lamports out of nothing. What it does is no transaction of the chain, and final at once. */
export interface TokenIssuer {
  /** Creates a mint at a fixed address, or does nothing when that mint exists. */
  createToken(token: TokenSpec): void;
  /** Mints `amount` minor units to the owner's associated token account, creating it if absent. */
  fundToken(grant: { mint: string; owner: string; amount: bigint }): void;
  fundSol(address: string, lamports: bigint): void;
  tokenBalance(holding: { mint: string; owner: string }): bigint;
}

export interface TokenIssuerParts {
  readonly vm: Vm;
  readonly accounts: AccountStore;
  readonly authority: LocalKey;
  readonly onChanged: (changedAddresses: readonly string[]) => void;
}

export function createTokenIssuer(parts: TokenIssuerParts): TokenIssuer {
  const { vm, accounts, authority, onChanged } = parts;
  /** Runs unsigned instructions in the VM, then takes over what they changed. */
  const run = (instructions: readonly Instruction[], changed: readonly string[]): void => {
    const message = buildMessage({ payer: authority.address, blockhash: anyBlockhash, instructions });
    const outcome = vm.execute(assembleTransaction(message), { verifySignatures: false });
    if (outcome.err !== null) {
      throw new Error(`The sandbox could not issue tokens: ${JSON.stringify(outcome.err)} ${outcome.logs.join('; ')}`);
    }
    for (const address of changed) {
      const account = vm.account(address);
      if (account !== undefined) accounts.write(address, account);
    }
    onChanged(changed);
  };
  const fundSol = (address: string, lamports: bigint): void => {
    const before = accounts.read(address) ?? emptyAccount;
    accounts.write(address, { ...before, lamports: before.lamports + lamports });
    onChanged([address]);
  };
  const holdingOf = ({ mint, owner }: { mint: string; owner: string }): { address: string; program: string } => {
    const program = accounts.read(mint)?.owner;
    if (program === undefined) throw new Error(`The mint ${mint} does not exist on this chain`);
    return { address: associatedTokenAddress({ owner, mint, program }), program };
  };
  return {
    createToken(token) {
      if (readMint(accounts.read(token.mint)) !== undefined) return;
      const program = token.program === 'token' ? tokenProgram : token2022Program;
      const data = new Uint8Array(token.transferFee === undefined ? mintLength : mintWithFeeLength);
      const lamports = vm.rentExemption(BigInt(data.length));
      vm.setAccount(token.mint, { lamports, owner: program, data, executable: false });
      run(mintInstructions(token, program, authority.address), [token.mint]);
    },
    fundToken({ mint, owner, amount }) {
      const { address, program } = holdingOf({ mint, owner });
      const accountsOfCreate = [
        { address: authority.address, signer: true, writable: true },
        { address, writable: true },
        ...[owner, mint, systemProgram, program].map((readOnly) => ({ address: readOnly })),
      ];
      const createIdempotent = { program: associatedTokenProgram, accounts: accountsOfCreate, data: Uint8Array.of(1) };
      const mintAccounts = [
        { address: mint, writable: true },
        { address, writable: true },
        { address: authority.address, signer: true },
      ];
      const mintTo = { program, accounts: mintAccounts, data: Buffer.concat([Uint8Array.of(7), u64(amount)]) };
      run([createIdempotent, mintTo], [authority.address, mint, address]);
    },
    fundSol,
    tokenBalance: (holding) => readTokenAccount(accounts.read(holdingOf(holding).address))?.amount ?? 0n,
  };
}

const emptyAccount = { lamports: 0n, owner: systemProgram, data: new Uint8Array(), executable: false };
const mintLength = 82;
/** Base part, kind, and the transfer fee extension of 108 bytes behind its 4-byte head. */
const mintWithFeeLength = 165 + 1 + 4 + 108;

function mintInstructions(token: TokenSpec, program: string, authority: string): Instruction[] {
  const accounts = [{ address: token.mint, writable: true }];
  const key = addressBytes(authority);
  const initialize = Buffer.concat([Uint8Array.of(20, token.decimals), key, Uint8Array.of(1), key]);
  const instructions = [{ program, accounts, data: initialize }];
  if (token.transferFee === undefined) return instructions;
  const { basisPoints, maximumFee } = token.transferFee;
  const points = Uint8Array.of(basisPoints & 0xff, basisPoints >>> 8);
  const head = Uint8Array.of(26, 0, 1);
  const configure = Buffer.concat([head, key, Uint8Array.of(1), key, points, u64(maximumFee)]);
  return [{ program, accounts, data: configure }, ...instructions];
}

export function u64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
